//go:build tare_embed_init

package launch

import _ "embed"

// embedded is the lean init: package initproc and nothing else, built before this binary (make). It costs 0.4 ms less to
// start than the whole binary, because fewer packages initialise and fewer pages are touched.
//
//go:embed embedded/tare-init
var embedded []byte
