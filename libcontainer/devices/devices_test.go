package devices

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/safepath"
	"github.com/tare-run/tare/libcontainer/step"
)

// newRoot makes a root with a canary beside it that must stay empty, and returns an O_PATH descriptor.
func newRoot(t *testing.T) (rootFd int, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it makes device nodes")
	}
	base := t.TempDir()
	dir = filepath.Join(base, "root")
	must(t, os.MkdirAll(filepath.Join(base, "canary"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() {
		unix.Close(fd)
		if left, err := os.ReadDir(filepath.Join(base, "canary")); len(left) > 0 || err != nil {
			t.Errorf("the canary has %v, %v", left, err)
		}
	})
	return fd, dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func lstat(t *testing.T, path string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Lstat(path, &st))
	return st
}

func null(path string) *step.Device {
	return &step.Device{Path: path, Type: 'c', Major: 1, Minor: 3, Mode: 0o666}
}

// TestMake covers H1, H2, H4 and H6.
func TestMake(t *testing.T) {
	for _, tt := range []struct {
		name   string
		device step.Device
		mode   uint32
	}{
		{"character device", step.Device{Path: "/dev/null", Type: 'c', Major: 1, Minor: 3, Mode: 0o666}, unix.S_IFCHR | 0o666},
		{"unbuffered is the same", step.Device{Path: "/dev/null", Type: 'u', Major: 1, Minor: 3, Mode: 0o640}, unix.S_IFCHR | 0o640},
		{"block device", step.Device{Path: "/dev/loop", Type: 'b', Major: 7, Minor: 300, Mode: 0o660, GID: 6}, unix.S_IFBLK | 0o660},
		{"FIFO", step.Device{Path: "/dev/pipe", Type: 'p', Mode: 0o622, UID: 1000, GID: 1000}, unix.S_IFIFO | 0o622},
		{"set-user-ID survives the change of owner", step.Device{Path: "/dev/pipe", Type: 'p', Mode: 0o6755, UID: 1000}, unix.S_IFIFO | 0o6755},
		{"outside of /dev, parents missing", step.Device{Path: "/srv/a/b/zero", Type: 'c', Major: 1, Minor: 5, Mode: 0o600}, unix.S_IFCHR | 0o600},
		{"default", step.Device{Path: "/dev/tty", Type: 'c', Major: 5, Minor: 0, Mode: 0o666, Default: true}, unix.S_IFCHR | 0o666},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fd, dir := newRoot(t)
			defer unix.Umask(unix.Umask(0o077))
			must(t, Make(fd, &tt.device))
			st := lstat(t, dir+tt.device.Path)
			if st.Mode != tt.mode || st.Uid != tt.device.UID || st.Gid != tt.device.GID {
				t.Errorf("mode %o, owner %d:%d", st.Mode, st.Uid, st.Gid)
			}
			if tt.device.Type != 'p' && st.Rdev != unix.Mkdev(tt.device.Major, tt.device.Minor) {
				t.Errorf("device %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
			}
			if parent := lstat(t, filepath.Dir(dir+tt.device.Path)); parent.Mode&0o777 != 0o755 {
				t.Errorf("parent has mode %o", parent.Mode)
			}
		})
	}
}

// TestMakeExisting covers H3: the same device gets mode and owner, anything else is an error and stays as it is.
func TestMakeExisting(t *testing.T) {
	const path = "/dev/null"
	mknod := func(mode uint32, minor uint32) func(*testing.T, string) {
		return func(t *testing.T, p string) { must(t, unix.Mknod(p, mode, int(unix.Mkdev(1, minor)))) }
	}
	for _, tt := range []struct {
		name      string
		prepare   func(t *testing.T, path string)
		byDefault bool
		refused   bool
		mode      uint32
	}{
		{name: "same", prepare: mknod(unix.S_IFCHR|0o600, 3), mode: unix.S_IFCHR | 0o666},
		{name: "same, default device", prepare: mknod(unix.S_IFCHR|0o600, 3), byDefault: true, mode: unix.S_IFCHR | 0o600},
		{name: "other number", prepare: mknod(unix.S_IFCHR|0o600, 5), refused: true, mode: unix.S_IFCHR | 0o600},
		{name: "other type", prepare: mknod(unix.S_IFBLK|0o600, 3), refused: true, mode: unix.S_IFBLK | 0o600},
		{name: "file", prepare: func(t *testing.T, p string) { must(t, os.WriteFile(p, nil, 0o600)) }, refused: true, mode: unix.S_IFREG | 0o600},
		{name: "file, default device", prepare: func(t *testing.T, p string) { must(t, os.WriteFile(p, nil, 0o600)) }, byDefault: true, refused: true, mode: unix.S_IFREG | 0o600},
		{name: "directory", prepare: func(t *testing.T, p string) { must(t, os.Mkdir(p, 0o700)) }, refused: true, mode: unix.S_IFDIR | 0o700},
		{name: "link to the host's", prepare: func(t *testing.T, p string) { must(t, os.Symlink("/dev/null", p)) }, refused: true, mode: unix.S_IFLNK | 0o777},
		{name: "dangling link", prepare: func(t *testing.T, p string) { must(t, os.Symlink("../../canary/new", p)) }, refused: true, mode: unix.S_IFLNK | 0o777},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fd, dir := newRoot(t)
			must(t, os.Mkdir(dir+"/dev", 0o755))
			tt.prepare(t, dir+path)
			d := null(path)
			d.Default = tt.byDefault
			err := Make(fd, d)
			if tt.refused != (err != nil) {
				t.Errorf("got %v", err)
			}
			if tt.refused && (!errors.Is(err, errDiffers) || !strings.Contains(err.Error(), path)) {
				t.Errorf("got %v", err)
			}
			if st := lstat(t, dir+path); st.Mode != tt.mode {
				t.Errorf("mode %o, want %o", st.Mode, tt.mode)
			}
		})
	}
}

// TestDevIsLink covers CVE-2026-41579: whatever /dev is in the image, everything stays inside the root.
func TestDevIsLink(t *testing.T) {
	for _, tt := range []struct {
		name, target, where string
	}{
		{"absolute, out of the root", "CANARY", "CANARY"},
		{"relative, out of the root", "../../canary", "/canary"},
		{"inside", "etc", "/etc"},
		{"dangling", "/some/where", "/some/where"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fd, dir := newRoot(t)
			canary := filepath.Join(filepath.Dir(dir), "canary")
			replace := func(s string) string { return strings.Replace(s, "CANARY", canary, 1) }
			must(t, os.Symlink(replace(tt.target), dir+"/dev"))
			must(t, os.MkdirAll(dir+"/proc/self/fd", 0o755))
			must(t, Make(fd, null("/dev/null")))
			must(t, Links(fd))
			where := dir + replace(tt.where)
			lstat(t, where+"/null")
			checkLink(t, where+"/ptmx", "pts/ptmx")
			checkLink(t, where+"/stdin", "/proc/self/fd/0")
		})
	}
}

func checkLink(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.Readlink(path); got != want {
		t.Errorf("%s leads to %q, %v; want %q", path, got, err, want)
	}
}

// TestLinks covers H8, H9 and H10.
func TestLinks(t *testing.T) {
	proc := func(t *testing.T, dir string) {
		must(t, os.MkdirAll(dir+"/proc/self/fd", 0o755))
		must(t, os.WriteFile(dir+"/proc/kcore", nil, 0o600))
	}
	all := map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
		"core": "/proc/kcore", "ptmx": "pts/ptmx",
	}
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    map[string]string // no target: no link
		refused string
	}{
		{name: "all", prepare: proc, want: all},
		{name: "twice", want: all, prepare: func(t *testing.T, dir string) {
			proc(t, dir)
			for name, target := range all {
				must(t, os.Symlink(target, dir+"/dev/"+name))
			}
		}},
		{name: "without proc", prepare: func(*testing.T, string) {}, want: map[string]string{"ptmx": "pts/ptmx", "fd": "", "stdin": "", "stdout": "", "stderr": "", "core": ""}},
		{name: "without kcore", prepare: func(t *testing.T, dir string) {
			proc(t, dir)
			must(t, os.Remove(dir+"/proc/kcore"))
		}, want: map[string]string{"fd": "/proc/self/fd", "core": "", "ptmx": "pts/ptmx"}},
		{name: "the image's own links stay", prepare: func(t *testing.T, dir string) {
			proc(t, dir)
			must(t, os.Symlink("fd/0", dir+"/dev/stdin"))
		}, want: map[string]string{"stdin": "fd/0", "stdout": "/proc/self/fd/1"}},
		{name: "ptmx is a node", prepare: func(t *testing.T, dir string) {
			must(t, unix.Mknod(dir+"/dev/ptmx", unix.S_IFCHR|0o666, int(unix.Mkdev(5, 2))))
		}, want: map[string]string{"ptmx": "pts/ptmx"}},
		{name: "ptmx is another link", prepare: func(t *testing.T, dir string) {
			must(t, os.Symlink("../../canary/file", dir+"/dev/ptmx"))
		}, want: map[string]string{"ptmx": "pts/ptmx"}},
		{name: "ptmx is a directory", prepare: func(t *testing.T, dir string) { must(t, os.Mkdir(dir+"/dev/ptmx", 0o755)) }, refused: "/dev/ptmx"},
		{name: "stdin is a file", prepare: func(t *testing.T, dir string) {
			proc(t, dir)
			must(t, os.WriteFile(dir+"/dev/stdin", nil, 0o644))
		}, refused: "/dev/stdin"},
		{name: "/dev is a file", prepare: func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/dev"))
			must(t, os.WriteFile(dir+"/dev", nil, 0o644))
		}, refused: "/dev"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fd, dir := newRoot(t)
			must(t, os.Mkdir(dir+"/dev", 0o755))
			tt.prepare(t, dir)
			err := Links(fd)
			if tt.refused != "" {
				var f *fault.Error
				if !errors.As(err, &f) || f.Path != tt.refused {
					t.Errorf("got %v, want an error about %s", err, tt.refused)
				}
				return
			}
			must(t, err)
			for name, target := range tt.want {
				if target != "" {
					checkLink(t, dir+"/dev/"+name, target)
				} else if _, err := os.Lstat(dir + "/dev/" + name); err == nil {
					t.Errorf("/dev/%s was made", name)
				}
			}
		})
	}
}

// bindDir names the directory of the test whose other half runs in a user namespace.
const bindDir = "DEVICES_TEST_BIND"

// TestBindHostNode covers H5: in a user namespace the host's node is bound: that of the same path if it is the right one, or the kernel knows another.
func TestBindHostNode(t *testing.T) {
	if dir := os.Getenv(bindDir); dir != "" {
		checkBindHostNode(t, dir)
		return
	}
	_, dir := newRoot(t)
	must(t, os.Chown(dir, 1<<20, 1<<20))
	for d := dir; d != "/tmp" && d != "/"; d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o755))
	}
	t.Run("namespace", func(t *testing.T) {
		runtime.LockOSThread()
		must(t, unix.Unshare(unix.CLONE_NEWNS)) // so that nothing can be left mounted
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestBindHostNode$")
		cmd.Env = append(os.Environ(), bindDir+"="+dir)
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 1 << 20, Size: 1 << 16}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, UidMappings: ids, GidMappings: ids, Credential: &syscall.Credential{}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func checkBindHostNode(t *testing.T, dir string) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, Make(fd, null("/dev/null")))
	must(t, os.WriteFile(dir+"/dev/null", []byte("gone"), 0)) // the file system of the root could be nodev
	if st := lstat(t, dir+"/dev/null"); st.Rdev != unix.Mkdev(1, 3) {
		t.Errorf("mode %o, device %d:%d", st.Mode, unix.Major(st.Rdev), unix.Minor(st.Rdev))
	}
	again := null("/dev/null")
	again.Default = true
	must(t, Make(fd, again))
	for _, d := range []*step.Device{
		{Path: "/dev/zero", Type: 'c', Major: 4095, Minor: 3},     // the host has another device there
		{Path: "/dev/nonesuch", Type: 'c', Major: 4095, Minor: 3}, // or none
	} {
		if err := Make(fd, d); !errors.Is(err, errNoHost) {
			t.Errorf("%s: got %v", d.Path, err)
		}
		if _, err := os.Lstat(dir + d.Path); err == nil {
			t.Errorf("%s was made", d.Path)
		}
	}
	must(t, Make(fd, &step.Device{Path: "/dev/sub/other", Type: 'c', Major: 1, Minor: 7}))
	if st := lstat(t, dir+"/dev/sub/other"); st.Rdev != unix.Mkdev(1, 7) {
		t.Errorf("another name: mode %o, device %d:%d", st.Mode, unix.Major(st.Rdev), unix.Minor(st.Rdev))
	}
	must(t, Make(fd, &step.Device{Path: "/dev/fifo", Type: 'p', Mode: 0o600})) // needs no privilege
}

// TestExchangedInTheLastMoment covers H3 and H5: what has taken the place of a node after it was looked at is neither changed
// nor covered.
func TestExchangedInTheLastMoment(t *testing.T) {
	fd, dir := newRoot(t)
	outside := filepath.Join(t.TempDir(), "null")
	must(t, unix.Mknod(outside, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	must(t, os.Symlink(outside, filepath.Join(dir, "link")))
	if err := adjust(fd, "link", null("/link")); err != errDiffers {
		t.Errorf("a link to a node of that number: %v", err)
	}
	if st := lstat(t, outside); st.Mode != unix.S_IFCHR|0o600 {
		t.Errorf("the node behind the link has mode %o", st.Mode)
	}
	must(t, os.Mkdir(filepath.Join(dir, "dev"), 0o755))
	must(t, unix.Mkfifo(filepath.Join(dir, "dev/null"), 0o600))
	if err := bindHostNode(safepath.Root{Fd: fd}, null("/dev/null")); err != errDiffers {
		t.Errorf("bind on a FIFO: %v", err)
		unix.Unmount(filepath.Join(dir, "dev/null"), 0)
	}
}
