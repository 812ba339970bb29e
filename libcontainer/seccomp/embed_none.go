//go:build !tare_embed_seccomp

package seccomp

// In a plain "go build" there is no helper, and no profile is accepted.
var (
	helper            []byte
	helperDescription string
)
