package lsm

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// recorder is a procfs that remembers the write, or refuses it.
type recorder struct {
	name, data string
	err        error
}

func (r *recorder) WriteSelf(name string, data []byte) error {
	r.name, r.data = name, string(data)
	return r.err
}

// E15 E16: what is written where.
func TestWrites(t *testing.T) {
	for _, row := range []struct {
		write      func(Proc) error
		name, data string
	}{
		{func(p Proc) error { return AppArmor(p, "web", true) }, "attr/apparmor/exec", "exec web"},
		{func(p Proc) error { return AppArmor(p, "web", false) }, "attr/exec", "exec web"},
		{func(p Proc) error { return SELinux(p, "u:r:t:s0") }, "attr/exec", "u:r:t:s0"},
		{func(p Proc) error { return KeyLabel(p, "u:r:t:s0") }, "attr/keycreate", "u:r:t:s0"},
		{func(p Proc) error { return KeyLabel(p, "") }, "attr/keycreate", "\n"},
	} {
		var r recorder
		if err := row.write(&r); err != nil || r.name != row.name || r.data != row.data {
			t.Errorf("%q to %s, %v; want %q to %s", r.data, r.name, err, row.data, row.name)
		}
		// A9: Podman looks for the file in backquotes, and the words of the kernel.
		r.err = unix.EINVAL
		err := row.write(&r)
		if !errors.Is(err, unix.EINVAL) || !strings.Contains(err.Error(), "`/proc/thread-self/"+row.name+"`") {
			t.Errorf("%v", err)
		}
	}
}
