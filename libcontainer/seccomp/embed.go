//go:build tare_embed_seccomp

package seccomp

import _ "embed"

// helper is the static executable tare-seccomp, and helperDescription what it says of itself. make builds both before the
// main binary and sets the build tag only where it found libseccomp. Not compressed: it is touched on a cache miss only, and
// unpacking would take longer than compiling the filter.
var (
	//go:embed embedded/tare-seccomp
	helper []byte
	//go:embed embedded/tare-seccomp.txt
	helperDescription string
)
