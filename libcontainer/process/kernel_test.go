package process

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// G15.
func TestLoopback(t *testing.T) {
	onThread(t, func() {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			return
		}
		if err := Loopback(); err != nil {
			t.Error(err)
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Error(err)
			return
		}
		defer unix.Close(fd)
		request, err := unix.NewIfreq("lo")
		if err == nil {
			err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request)
		}
		if err != nil || request.Uint16()&unix.IFF_UP == 0 || request.Uint16()&unix.IFF_LOOPBACK == 0 {
			t.Errorf("flags %#x, %v", request.Uint16(), err)
		}
	})
}

// E31.
func TestNames(t *testing.T) {
	onThread(t, func() {
		if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
			t.Error(err)
			return
		}
		if err := Hostname("box"); err != nil {
			t.Error(err)
		}
		if err := Domainname("example.org"); err != nil {
			t.Error(err)
		}
		var names unix.Utsname
		if err := unix.Uname(&names); err != nil {
			t.Error(err)
		}
		if host, domain := unix.ByteSliceToString(names.Nodename[:]), unix.ByteSliceToString(names.Domainname[:]); host != "box" || domain != "example.org" {
			t.Errorf("names %q, %q", host, domain)
		}
		if err := Hostname(strings.Repeat("x", 65)); err == nil {
			t.Error("65 bytes were accepted as a hostname")
		}
	})
}

// C8: a new session keyring of this name, which the user may search; joining it again by name works.
func TestKeyring(t *testing.T) {
	if _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false); err == unix.ENOSYS || err == unix.EPERM {
		t.Skip("the kernel or a filter has no keys: ", err)
	}
	onThread(t, func() {
		before, _ := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
		name := "_ses.tare-test-" + strconv.Itoa(os.Getpid())
		if warning, err := Keyring(name); warning != nil || err != nil {
			t.Errorf("warning %v, error %v", warning, err)
			return
		}
		ring, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
		if err != nil || ring == before {
			t.Errorf("session keyring %d, %v; before it was %d", ring, err, before)
		}
		description, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, ring)
		if fields := strings.Split(description, ";"); err != nil || len(fields) != 5 || fields[4] != name {
			t.Errorf("description %q, %v", description, err)
		} else if perm, err := strconv.ParseUint(fields[3], 16, 32); err != nil || perm&userSearch == 0 {
			t.Errorf("permissions %s, %v: the user may not search", fields[3], err)
		}
		if warning, err := Keyring(name); warning != nil || err != nil {
			t.Errorf("again: warning %v, error %v", warning, err)
		}
		if again, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false); err != nil || again != ring {
			t.Errorf("again: keyring %d, %v; want %d", again, err, ring)
		}
	})
}
