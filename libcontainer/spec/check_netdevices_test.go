package spec

import (
	"slices"
	"strings"
	"testing"
)

// G16: the kernel's rules for names, and what needs no host to be known as wrong.
func TestNetDevices(t *testing.T) {
	const namespace = `"namespaces":[{"type":"network"}],`
	for _, row := range []struct{ name, linux, want string }{
		{"kept name", namespace + `"netDevices":{"eth0":{}}`, ""},
		{"new name", namespace + `"netDevices":{"eth0":{"name":"container_eth0"}}`, ""},
		{"templates", namespace + `"netDevices":{"a":{"name":"eth%d"},"b":{"name":"eth%d"}}`, ""},
		{"swapped", namespace + `"netDevices":{"a":{"name":"b"},"b":{"name":"a"}}`, ""},

		{"no namespace", `"netDevices":{"eth0":{}}`, "/linux/netDevices: needs a namespace of type network"},
		{"too long", namespace + `"netDevices":{"eth0":{"name":"abcdefghijklmnop"}}`, "/linux/netDevices/eth0/name: \"abcdefghijklmnop\": is longer"},
		{"slash", namespace + `"netDevices":{"a/b":{}}`, `/linux/netDevices/a~1b: "a/b": contains a slash`},
		{"colon", namespace + `"netDevices":{"eth0":{"name":"a:1"}}`, "/linux/netDevices/eth0/name"},
		{"space", namespace + `"netDevices":{"eth0":{"name":"a b"}}`, "white space"},
		{"dots", namespace + `"netDevices":{"eth0":{"name":".."}}`, "is not the name"},
		{"empty", namespace + `"netDevices":{"":{"name":"a"}}`, "is not the name"},
		{"percent", namespace + `"netDevices":{"eth0":{"name":"a%s"}}`, "percent sign"},
		{"template in front", namespace + `"netDevices":{"eth0":{"name":"%dx"}}`, "percent sign"},
		{"template on the host", namespace + `"netDevices":{"eth%d":{}}`, "percent sign"},
		{"twice", namespace + `"netDevices":{"a":{"name":"x"},"b":{"name":"x"}}`, `/linux/netDevices/b/name: "x": is the name of /linux/netDevices/a already`},
		{"loopback", namespace + `"netDevices":{"lo":{"name":"x"}}`, "/linux/netDevices/lo: is the loopback device"},
		{"loopback inside", namespace + `"netDevices":{"a":{"name":"lo"}}`, "is the name of the loopback device already"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := Load([]byte(`{"linux":{` + row.linux + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(lines(Validate(s)), func(line string) bool { return !strings.Contains(line, "/linux/netDevices") })
			if row.want == "" && len(got) > 0 || row.want != "" && (len(got) != 1 || !strings.Contains(got[0], row.want)) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
