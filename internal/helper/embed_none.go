//go:build !tare_embed_helper

package helper

// In a plain "go build" there is no helper.
var (
	executable  []byte
	description string
)
