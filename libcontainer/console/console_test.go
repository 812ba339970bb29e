package console

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// attachHelper makes the test binary the process that gets a terminal: descriptor 3 is the slave.
const attachHelper = "TARE_TEST_CONSOLE_ATTACH"

func TestMain(m *testing.M) {
	if os.Getenv(attachHelper) == "" {
		os.Exit(m.Run())
	}
	if err := Attach(3); err != nil {
		os.Stdout.WriteString("attach: " + err.Error() + "\n")
		os.Exit(1)
	}
	// No pipeline: the shell would hold ends of pipes, the first of them as descriptor 3.
	unix.Exec("/bin/sh", []string{"sh", "-c", `tty; stty size; ps -o sid= -p $$ | tr -d ' '; echo $$; echo hello >/dev/tty; ls /proc/$$/fd; :`}, []string{"PATH=/usr/bin:/bin"})
	os.Exit(1)
}

// inMountNamespace runs f on a thread with mounts of its own, which end with it.
func inMountNamespace(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting a devpts needs root")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the goroutine's end is the thread's
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			t.Error(err)
			return
		}
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Error(err)
			return
		}
		f()
	}()
	<-done
}

// newRoot makes a root with a devpts of its own.
func newRoot(t *testing.T) (dir string, rootFd int) {
	t.Helper()
	dir = t.TempDir()
	pts := filepath.Join(dir, "dev/pts")
	if err := os.MkdirAll(pts, 0o755); err != nil {
		t.Error(err)
	}
	if err := unix.Mount("devpts", pts, "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		t.Error(err)
	}
	rootFd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
	}
	return dir, rootFd
}

// Q1, Q2: the terminal comes from the container's devpts, with the size that was asked for, and carries bytes.
func TestAllocate(t *testing.T) {
	inMountNamespace(t, func() {
		_, rootFd := newRoot(t)
		defer unix.Close(rootFd)
		pty, err := Allocate(rootFd, 132, 43)
		if err != nil {
			t.Error(err)
			return
		}
		defer pty.Close()
		if pty.Name != "/dev/pts/0" { // the first one of a new instance
			t.Errorf("name %q, want /dev/pts/0", pty.Name)
		}
		size, err := unix.IoctlGetWinsize(pty.SlaveFd, unix.TIOCGWINSZ)
		if err != nil || size.Col != 132 || size.Row != 43 {
			t.Errorf("size %+v, %v; want 132 columns, 43 rows", size, err)
		}
		for _, fd := range []int{pty.MasterFd, pty.SlaveFd} {
			if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("descriptor %d is not close-on-exec", fd)
			}
		}
		var buf [16]byte
		if _, err := unix.Write(pty.SlaveFd, []byte("hi")); err != nil {
			t.Error(err)
		}
		if n, err := unix.Read(pty.MasterFd, buf[:]); err != nil || string(buf[:n]) != "hi" {
			t.Errorf("read %q, %v", buf[:n], err)
		}
		second, err := Allocate(rootFd, 0, 0)
		if err != nil || second.Name != "/dev/pts/1" {
			t.Errorf("second terminal: %+v, %v", second, err)
			return
		}
		second.Close()
	})
}

// CVE-2025-52565: whatever stands in the place of the devpts or its ptmx, it is not used.
func TestAllocateRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		build func(dir string) error
		want  string
	}{
		{"no /dev/pts", func(dir string) error { return unix.Unmount(dir+"/dev/pts", 0) }, "the filesystem is not devpts"},
		{"a ptmx node of the image", func(dir string) error {
			if err := unix.Unmount(dir+"/dev/pts", 0); err != nil {
				return err
			}
			return unix.Mknod(dir+"/dev/pts/ptmx", unix.S_IFCHR|0o666, int(unix.Mkdev(5, 2)))
		}, "the filesystem is not devpts"},
		{"a file bound on ptmx", func(dir string) error {
			return unix.Mount("/dev/null", dir+"/dev/pts/ptmx", "", unix.MS_BIND, "")
		}, "cross-device link"},
		{"a link out of the root", func(dir string) error {
			if err := unix.Unmount(dir+"/dev/pts", 0); err != nil {
				return err
			}
			if err := os.Remove(dir + "/dev/pts"); err != nil {
				return err
			}
			return os.Symlink("../../../../../../../dev/pts", dir+"/dev/pts")
		}, "too many levels of symbolic links"}, // clamped at the root it leads to itself
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMountNamespace(t, func() {
				dir, rootFd := newRoot(t)
				defer unix.Close(rootFd)
				if err := tc.build(dir); err != nil {
					t.Error(err)
				}
				pty, err := Allocate(rootFd, 0, 0)
				if err == nil {
					pty.Close()
					t.Error("it was used")
				} else if !strings.Contains(err.Error(), tc.want) {
					t.Errorf("got %v, want %q", err, tc.want)
				}
			})
		})
	}
}

// CVE-2025-52565: a descriptor that is no terminal of that number is not taken for one.
func TestVerify(t *testing.T) {
	for path, err := range map[string]error{"/dev/null": errWrongDevice, "/dev/tty": errWrongDevice, "/dev": errWrongDevice, "/dev/ptmx": nil} {
		fd, openErr := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if openErr != nil {
			t.Fatal(openErr)
		}
		if got := verify(fd, ptmxMajor, ptmxMinor); got != err {
			t.Errorf("%s: got %v, want %v", path, got, err)
		}
		unix.Close(fd)
	}
}

// The compatibility beside the refusals: a link that stays inside the root is followed.
func TestAllocateThroughLink(t *testing.T) {
	inMountNamespace(t, func() {
		dir, rootFd := newRoot(t)
		defer unix.Close(rootFd)
		if err := os.Rename(dir+"/dev", dir+"/devices"); err != nil {
			t.Error(err)
		}
		if err := os.Symlink("/devices", dir+"/dev"); err != nil {
			t.Error(err)
		}
		pty, err := Allocate(rootFd, 0, 0)
		if err != nil {
			t.Error(err)
			return
		}
		pty.Close()
	})
}

// E5: the slave is on descriptors 0 to 2, and the controlling terminal of a new session.
func TestAttach(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("opening /dev as the root of a container needs root")
	}
	rootFd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(rootFd)
	pty, err := Allocate(rootFd, 100, 30)
	if err != nil {
		t.Skip("no devpts on /dev/pts: ", err)
	}
	master := os.NewFile(uintptr(pty.MasterFd), "master")
	slave := os.NewFile(uintptr(pty.SlaveFd), "slave")
	defer master.Close()
	c := exec.Command("/proc/self/exe")
	c.Env = []string{attachHelper + "=1"}
	c.ExtraFiles = []*os.File{slave}
	var stray strings.Builder
	c.Stdout = &stray
	if err := c.Run(); err != nil {
		t.Errorf("helper: %v, %s", err, stray.String())
	}
	slave.Close()
	var text []byte
	buf := make([]byte, 4096)
	for {
		n, err := master.Read(buf) // EIO when nobody has the slave open any more
		text = append(text, buf[:n]...)
		if err != nil {
			break
		}
	}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r", ""), "\n")
	if len(lines) < 6 {
		t.Fatalf("the program wrote %q", text)
	}
	if lines[0] != pty.Name || lines[1] != "30 100" || lines[2] != lines[3] || lines[4] != "hello" {
		t.Errorf("terminal, size, session, pid, text = %q; want %s, 30 100, equal ones, hello", lines[:5], pty.Name)
	}
	if fds := strings.Fields(strings.Join(lines[5:], " ")); slices.Contains(fds, "3") {
		t.Errorf("descriptors %q: the slave was not closed", fds)
	}
}
