//go:build !tare_embed_init

package launch

// embedded is nil in a plain "go build": init is this binary again (init.go at the top level).
var embedded []byte
