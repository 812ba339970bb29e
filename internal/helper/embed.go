//go:build tare_embed_helper

package helper

import _ "embed"

// make builds the executable and has it describe itself before it builds the main binary. Not compressed: it is touched
// only when the cache has no answer, and unpacking would take longer than most compilations.
var (
	//go:embed embedded/tare-helper
	executable []byte
	//go:embed embedded/tare-helper.txt
	description string
)
