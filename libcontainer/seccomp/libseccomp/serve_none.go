//go:build !cgo

package libseccomp

import "github.com/tare-run/tare/internal/helper/serve"

// Compilers is empty: a helper built without cgo cannot compile profiles, and does not say that it could.
func Compilers() []serve.Compiler { return nil }
