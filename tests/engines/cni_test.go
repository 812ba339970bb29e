package engines

import (
	"os"
	"path/filepath"
	"testing"
)

// cniNetwork is what a small cluster has: a bridge, addresses of one network, ports of the host that lead to pods.
const cniNetwork = `{
  "cniVersion": "1.0.0",
  "name": "tare-pods",
  "plugins": [
    {
      "type": "bridge", "bridge": "tare-pods", "isGateway": true, "hairpinMode": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`

// cniPlugins is the directory of the plugins, which make has built.
func cniPlugins(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../build/cni")
	must(t, err)
	_, err = os.Stat(dir)
	skipUnless(t, err == nil, "the CNI plugins are missing; make build/cni")
	return dir
}

func cniConfiguration(t *testing.T) string {
	t.Helper()
	const dir = "/etc/cni/net.d"
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "10-tare.conflist"), []byte(cniNetwork), 0o644))
	return dir
}
