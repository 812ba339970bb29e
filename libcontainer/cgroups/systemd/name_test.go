package systemd

import (
	"strings"
	"testing"
)

// J10.
func TestWhere(t *testing.T) {
	long := strings.Repeat("x", 249)
	for _, row := range []struct {
		path, id string
		user     bool
		want     Place // zero for an error
	}{
		{path: "", id: "c1", want: Place{"tare-c1.scope", "system.slice", "/system.slice/tare-c1.scope"}},
		{path: "", id: "c1", user: true, want: Place{"tare-c1.scope", "user.slice", "/user.slice/tare-c1.scope"}},
		{path: "::c1", want: Place{"c1.scope", "system.slice", "/system.slice/c1.scope"}},
		{path: "::c1", user: true, want: Place{"c1.scope", "user.slice", "/user.slice/c1.scope"}},
		{path: "machine.slice:libpod:0123", want: Place{"libpod-0123.scope", "machine.slice", "/machine.slice/libpod-0123.scope"}},
		{path: "kubepods-besteffort-pod1_2.slice:cri-containerd:ab", want: Place{"cri-containerd-ab.scope", "kubepods-besteffort-pod1_2.slice",
			"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/cri-containerd-ab.scope"}},
		{path: "-.slice:p:n", want: Place{"p-n.scope", "-.slice", "/p-n.scope"}},
		{path: ":ignored:a-b.slice", want: Place{"a-b.slice", "", "/a.slice/a-b.slice"}},
		{path: "a.slice:ignored:a-b.slice", want: Place{"a-b.slice", "", "/a.slice/a-b.slice"}},
		{path: "-.slice::b.slice", want: Place{"b.slice", "", "/b.slice"}},
		{path: "", id: "a+b", want: Place{`tare-a\x2bb.scope`, "system.slice", `/system.slice/tare-a\x2bb.scope`}},
		{path: "::cpu", want: Place{"cpu.scope", "system.slice", "/system.slice/_cpu.scope"}},
		{path: "memory.slice::_x", want: Place{"_x.scope", "memory.slice", "/_memory.slice/__x.scope"}},
		{path: "::" + long, want: Place{long + ".scope", "system.slice", "/system.slice/" + long + ".scope"}},

		{path: "/absolute"}, {path: "relative"}, {path: "a:b"}, {path: "a:b:c:d"}, {path: "::"}, {path: "a.slice:b:"},
		{path: "a.slice:../b:c"}, {path: "a.slice:b:c/d"}, {path: "a b.slice:c:d"}, {path: "::a b"}, {path: "::a\x01"}, {path: "::é"},
		{path: "a:b:c"}, {path: "a.scope:b:c"}, {path: "a--b.slice:c:d"}, {path: "-a.slice:c:d"}, {path: "a-.slice:c:d"}, {path: ".slice:c:d"},
		{path: "::.hidden"}, {path: "::" + long + "x"}, {path: "::-.slice"}, {path: "::.slice"}, {path: "b.slice::a-b.slice"}, {path: `a\x2f.slice:b:`},
	} {
		got, err := Where(row.path, row.id, row.user)
		if got == nil {
			got = &Place{}
		}
		if *got != row.want || (err == nil) != (row.want != Place{}) {
			t.Errorf("%q: %+v, %v; want %+v", row.path, *got, err, row.want)
		}
	}
}

// Nothing that a configuration says leads out of the slice.
func FuzzWhere(f *testing.F) {
	for _, path := range []string{"", "a.slice:b:c", "a-b.slice:c:d+e", "::x.slice", "..slice:..:.."} {
		f.Add(path, "id")
	}
	f.Fuzz(func(t *testing.T, path, id string) {
		place, err := Where(path, id, false)
		if err != nil {
			return
		}
		for part := range strings.SplitSeq(place.Path[1:], "/") {
			if part == "" || part == "." || part == ".." || strings.ContainsAny(part, "\x00\n ") {
				t.Errorf("%q: path %q", path, place.Path)
			}
		}
		if len(place.Unit) > maxUnitName {
			t.Errorf("%q: unit of %d bytes", path, len(place.Unit))
		}
	})
}
