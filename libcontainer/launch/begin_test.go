package launch

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/wire"
)

// A program that does not come after the last message of init is told apart from an init that says nothing.
func TestBeginTimeout(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := wire.Conn{Fd: fds[0]}, wire.Conn{Fd: fds[1]}
	defer ours.Close()
	defer theirs.Close()
	wants := func(want string) {
		t.Helper()
		if err := begin(&ours, 10, nil); !errors.Is(err, fault.ErrTimeout) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	wants("wait for init: timed out")
	if err := theirs.Send(&wire.Executing{}); err != nil {
		t.Fatal(err)
	}
	wants("wait for the program to be executed: timed out; a seccomp filter")
}
