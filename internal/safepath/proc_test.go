package safepath

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func openProc(t *testing.T) *Proc {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it mounts a procfs")
	}
	p, err := OpenProc()
	must(t, err)
	t.Cleanup(p.Close)
	return p
}

// TestProcWrite covers I13 (CVE-2025-52881, CVE-2025-62596), with a setting of a namespace of the test's own.
func TestProcWrite(t *testing.T) {
	p := openProc(t)
	runtime.LockOSThread() // the thread ends with the test
	must(t, unix.Unshare(unix.CLONE_NEWUTS))
	must(t, p.Write("sys/kernel/domainname", []byte("tare.test")))
	var uts unix.Utsname
	must(t, unix.Uname(&uts))
	if got := unix.ByteSliceToString(uts.Domainname[:]); got != "tare.test" {
		t.Errorf("domain name %q", got)
	}
}

func TestProcWriteSelf(t *testing.T) {
	p := openProc(t)
	runtime.LockOSThread()
	must(t, p.WriteSelf("comm", []byte("tare-test")))
	var name [16]byte
	must(t, readComm(name[:]))
	if got := unix.ByteSliceToString(name[:]); got != "tare-test\n" {
		t.Errorf("name %q", got)
	}
}

func readComm(into []byte) error {
	fd, err := unix.Open("/proc/thread-self/comm", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Read(fd, into)
	return err
}

func TestProcWriteRefuses(t *testing.T) {
	p := openProc(t)
	for _, tt := range []struct {
		name, file, data string
		want             unix.Errno
	}{
		{"a symbolic link", "self/comm", "x", unix.ELOOP},
		{"a link to an open file", "1/root", "x", unix.ELOOP},
		{"above", "../tmp/x", "x", unix.EXDEV},
		{"an absolute path", "/etc/hostname", "x", unix.EXDEV},
		{"missing, which is not made", "sys/kernel/nonesuch", "x", unix.ENOENT},
		{"what the kernel refuses", "sys/kernel/pid_max", "words", unix.EINVAL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := p.Write(tt.file, []byte(tt.data)); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestVisibleProc covers R5 and I13 (CVE-2025-52881): the fallback does not see what is mounted over a file, and demands a procfs.
func TestVisibleProc(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: it mounts over /proc")
	}
	decoy := t.TempDir() + "/decoy"
	must(t, os.WriteFile(decoy, nil, 0o644))
	t.Run("namespace", func(t *testing.T) {
		runtime.LockOSThread()
		must(t, unix.Unshare(unix.CLONE_NEWNS|unix.CLONE_NEWUTS))
		must(t, unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
		must(t, unix.Mount(decoy, "/proc/sys/kernel/domainname", "", unix.MS_BIND, ""))
		p, err := openVisibleProc()
		must(t, err)
		defer p.Close()
		if err := p.Write("sys/kernel/domainname", []byte("x")); err != unix.EXDEV {
			t.Errorf("through a mount: %v", err)
		}
		must(t, p.Write("sys/kernel/hostname", []byte("tare-test")))
		private, err := OpenProc()
		must(t, err)
		defer private.Close()
		must(t, private.Write("sys/kernel/domainname", []byte("reached")))

		must(t, unix.Mount("/proc/sys", "/proc", "", unix.MS_BIND, ""))
		if _, err := openVisibleProc(); err != errNotProc {
			t.Errorf("a part of a procfs: %v", err)
		}
		must(t, unix.Mount("tmpfs", "/proc", "tmpfs", 0, ""))
		if _, err := openVisibleProc(); err != errNotProc {
			t.Errorf("a tmpfs: %v", err)
		}
	})
	if content, err := os.ReadFile(decoy); len(content) > 0 || err != nil {
		t.Errorf("the decoy has %q, %v", content, err)
	}
}

func TestProcIsAttachedNowhere(t *testing.T) {
	before, err := os.ReadFile("/proc/thread-self/mountinfo")
	must(t, err)
	openProc(t)
	after, err := os.ReadFile("/proc/thread-self/mountinfo")
	must(t, err)
	if string(before) != string(after) {
		t.Errorf("mounts changed: %d and %d", strings.Count(string(before), "\n"), strings.Count(string(after), "\n"))
	}
}
