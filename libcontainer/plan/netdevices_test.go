package plan

import (
	"reflect"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// G16: one order whatever the map's, and the names that the kernel chooses last.
func TestNetDevices(t *testing.T) {
	s := bundle()
	s.Linux.NetDevices = map[string]specs.LinuxNetDevice{"a": {Name: "eth%d"}, "b": {Name: "eth0"}, "c": {}, "d": {Name: "x%d"}}
	want := []NetDevice{
		{"b", "eth0", "/linux/netDevices/b"}, {"c", "c", "/linux/netDevices/c"},
		{"a", "eth%d", "/linux/netDevices/a"}, {"d", "x%d", "/linux/netDevices/d"},
	}
	for range 20 {
		if got := compile(t, s).NetDevices; !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v", got)
		}
	}
}
