package libcontainer

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// D4, CVE-2026-30892: what --user accepts, and nothing else.
func TestSetUser(t *testing.T) {
	for _, row := range []struct {
		text     string
		uid, gid uint32
		ok       bool
	}{
		{"0", 0, 7, true}, {"1", 1, 7, true}, {"1:2", 1, 2, true}, {"007", 7, 7, true}, {"4294967294:4294967294", 4294967294, 4294967294, true},
		{text: "4294967295"}, {text: "4294967296"}, {text: "1:4294967295"}, {text: "18446744073709551616"}, {text: ":"}, {text: "1:"}, {text: ":1"},
		{text: "-1"}, {text: "+1"}, {text: " 1"}, {text: "1 "}, {text: "1:2:3"}, {text: "0x1"}, {text: "0b1"}, {text: "1_0"}, {text: "1a"}, {text: "root"},
		{text: "٣"}, {text: "1\n"}, {text: "1\x00"}, {text: "1.0"}, {text: "1e1"},
	} {
		u := specs.User{UID: 9, GID: 7}
		err := setUser(&u, row.text)
		if (err == nil) != row.ok || row.ok && (u.UID != row.uid || u.GID != row.gid) {
			t.Errorf("%q: %+v, %v", row.text, u, err)
		}
	}
}

// Whatever is accepted is exactly the number that was written.
func FuzzSetUser(f *testing.F) {
	for _, seed := range []string{"0", "1:2", "4294967295", "0x1", "1:", "00001"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var u specs.User
		if setUser(&u, text) != nil {
			return
		}
		uid, gid, two := strings.Cut(text, ":")
		trim := func(s string) string { return strings.TrimLeft(s[:len(s)-1], "0") + s[len(s)-1:] }
		if strconv.FormatUint(uint64(u.UID), 10) != trim(uid) || two && strconv.FormatUint(uint64(u.GID), 10) != trim(gid) {
			t.Fatalf("%q is taken for %+v", text, u)
		}
	})
}

// D8, CVE-2022-29162: a capability that is added is never one that is handed on.
func TestAddCaps(t *testing.T) {
	p := &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}, Inheritable: []string{"CAP_CHOWN"}}}
	if err := addCaps(p, []string{"CAP_KILL", "chown", "NET_RAW"}); err != nil {
		t.Fatal(err)
	}
	c := p.Capabilities
	added := []string{"CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"}
	if !slices.Equal(c.Bounding, added) || !slices.Equal(c.Effective, added) || !slices.Equal(c.Permitted, added) ||
		!slices.Equal(c.Inheritable, []string{"CAP_CHOWN"}) || !slices.Equal(c.Ambient, []string{"CAP_CHOWN"}) {
		t.Errorf("%+v", c)
	}
	if err := addCaps(p, []string{"CAP_NONE"}); err == nil {
		t.Error("an unknown capability is accepted")
	}
	all := &specs.Process{}
	if err := addCaps(all, []string{"CAP_KILL"}); err != nil || all.Capabilities != nil {
		t.Errorf("a process with all capabilities lost some: %+v, %v", all.Capabilities, err)
	}
}

// D2 D5 D9: flags add to the process that the container was created with, and take nothing away from what confines it.
func TestChange(t *testing.T) {
	process := func() *specs.Process {
		return &specs.Process{
			Args: []string{"sh"}, Cwd: "/home", Env: []string{"A=1"}, NoNewPrivileges: true, SelinuxLabel: "label", ApparmorProfile: "profile",
			User: specs.User{UID: 5, GID: 6, AdditionalGids: []uint32{7}},
		}
	}
	same, p := process(), process()
	if err := new(ProcessFlags).change(p); err != nil || !reflect.DeepEqual(p, same) {
		t.Errorf("no flag changes it to %+v, %v", p, err)
	}
	f := &ProcessFlags{Args: []string{"ls"}, Cwd: "/tmp", Env: []string{"B=2"}, User: "8", AdditionalGids: []uint32{9}, Tty: true, ProcessLabel: "l", Apparmor: "p"}
	want := &specs.Process{
		Args: []string{"ls"}, Cwd: "/tmp", Env: []string{"A=1", "B=2"}, NoNewPrivileges: true, SelinuxLabel: "l", ApparmorProfile: "p", Terminal: true,
		User: specs.User{UID: 8, GID: 6, AdditionalGids: []uint32{7, 9}},
	}
	if err := f.change(p); err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v, %v", p, err)
	}
	bare := &specs.Process{}
	if err := (&ProcessFlags{NoNewPrivs: true}).change(bare); err != nil || !bare.NoNewPrivileges {
		t.Errorf("--no-new-privs: %+v, %v", bare, err)
	}
}
