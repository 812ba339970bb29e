package rootfs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// volume makes a host directory with a file and a tmpfs mounted on its directory sub.
func (e *env) volume(t *testing.T) string {
	t.Helper()
	volume := filepath.Join(e.dir, "volume")
	must(t, os.MkdirAll(filepath.Join(volume, "sub"), 0o755))
	must(t, os.WriteFile(filepath.Join(volume, "file"), []byte("data"), 0o644))
	must(t, unix.Mount("tmpfs", filepath.Join(volume, "sub"), "tmpfs", unix.MS_NOSUID, ""))
	must(t, os.WriteFile(filepath.Join(volume, "sub/inner"), nil, 0o644))
	return volume
}

// TestBind covers F10, F11, F12, F23 and F31.
func TestBind(t *testing.T) {
	readonly := step.Attr{Set: unix.MOUNT_ATTR_RDONLY}
	for _, tt := range []struct {
		name        string
		source      string // below the volume
		destination string
		options     step.MountOptions
		errno       unix.Errno
		words       string
		check       func(t *testing.T, e *env)
	}{
		{name: "directory", destination: "/new/dir", check: func(t *testing.T, e *env) {
			if _, err := os.Stat(e.in("new/dir/sub/inner")); err == nil {
				t.Error("a plain bind took the mounts below along")
			}
		}},
		{name: "recursive", destination: "/dir", options: step.MountOptions{Recursive: true}, check: func(t *testing.T, e *env) {
			must(t, stating(e.in("dir/sub/inner")))
		}},
		{name: "file", source: "file", destination: "/new/file", check: func(t *testing.T, e *env) {
			content, err := os.ReadFile(e.in("new/file"))
			if string(content) != "data" {
				t.Errorf("%q, %v", content, err)
			}
		}},
		{name: "link on the host", source: "link", destination: "/file", check: func(t *testing.T, e *env) { must(t, stating(e.in("file"))) }},
		{name: "read-only", destination: "/dir", options: step.MountOptions{Recursive: true, Attr: readonly}, check: func(t *testing.T, e *env) {
			if options := e.mountedOnce(t, "/dir").options; !has(options, "ro") {
				t.Errorf("options %s", options)
			}
			if options := e.mountedOnce(t, "/dir/sub").options; !has(options, "rw") || !has(options, "nosuid") {
				t.Errorf("ro is for the mount itself, and keeps the rest: %s", options)
			}
		}},
		{name: "recursively read-only", destination: "/dir", options: step.MountOptions{Recursive: true, RecAttr: readonly}, check: func(t *testing.T, e *env) {
			for _, path := range []string{"/dir", "/dir/sub"} {
				if options := e.mountedOnce(t, path).options; !has(options, "ro") {
					t.Errorf("%s: options %s", path, options)
				}
			}
		}},
		{name: "cleared", destination: "/dir", source: "sub", options: step.MountOptions{Attr: step.Attr{Clear: unix.MOUNT_ATTR_NOSUID}}, check: func(t *testing.T, e *env) {
			if options := e.mountedOnce(t, "/dir").options; has(options, "nosuid") {
				t.Errorf("options %s", options)
			}
		}},
		{name: "missing source", source: "missing", destination: "/dir", errno: unix.ENOENT, words: "volume/missing"},
		{name: "directory on a file", destination: "/etc/hosts", errno: unix.ENOTDIR, words: "a directory cannot be mounted on a file"},
		{name: "file on a directory", source: "file", destination: "/etc", errno: unix.ENOTDIR, words: "a file cannot be mounted on a directory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				volume := e.volume(t)
				must(t, os.Symlink(filepath.Join(volume, "file"), filepath.Join(volume, "link")))
				e.write(t, "/etc/hosts", "")
				m := bind(filepath.Join(volume, tt.source), tt.destination)
				tt.options.Bind = true
				m.Options = tt.options
				before := allMounts(t)
				err := e.open(t).Mount(m)
				e.inside(t, before)
				if tt.errno != 0 {
					refused(t, err, tt.errno, tt.words)
					return
				}
				must(t, err)
				tt.check(t, e)
			})
		})
	}
}

func stating(path string) error {
	_, err := os.Stat(path)
	return err
}

// TestBindHostRoot covers F40: the host's root inside the container, and no mount left behind elsewhere.
func TestBindHostRoot(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		r := e.open(t)
		before := allMounts(t)
		m := bind("/", "/host")
		m.Options.Recursive = true
		m.Options.Propagation = []step.PropagationChange{{Flag: unix.MS_SLAVE, Recursive: true}}
		must(t, r.Mount(m))
		e.inside(t, before)
		must(t, r.Pivot())
		must(t, stating("/host"+filepath.Join(e.canary, "file")))
	})
}

// TestMountTree covers F38: the source has been opened in another mount namespace.
func TestMountTree(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		volume := e.volume(t)
		treeFd, err := OpenSource(volume, true, false)
		must(t, err)
		must(t, unix.Unshare(unix.CLONE_NEWNS)) // that of the container
		must(t, SetPropagation(unix.MS_PRIVATE))
		must(t, unix.Unmount(filepath.Join(volume, "sub"), 0)) // not reachable any more
		must(t, e.open(t).MountTree(bind(volume, "/data"), treeFd))
		must(t, stating(e.in("data/sub/inner")))
	})
}

// TestPropagation covers F30 and F43: several words apply in listed order.
func TestPropagation(t *testing.T) {
	shared := step.PropagationChange{Flag: unix.MS_SHARED}
	slave := step.PropagationChange{Flag: unix.MS_SLAVE}
	private := step.PropagationChange{Flag: unix.MS_PRIVATE}
	for _, tt := range []struct {
		name      string
		changes   []step.PropagationChange
		top, sub  string
		hostState uint64
	}{
		{name: "shared", changes: []step.PropagationChange{shared}, top: "shared:"},
		{name: "rshared", changes: []step.PropagationChange{{Flag: unix.MS_SHARED, Recursive: true}}, top: "shared:", sub: "shared:"},
		{name: "shared, private", changes: []step.PropagationChange{shared, private}},
		{name: "slave of a shared source", hostState: unix.MS_SHARED, changes: []step.PropagationChange{slave}, top: "master:"},
		{name: "slave of a private source", changes: []step.PropagationChange{slave}},
		{name: "slave, shared", hostState: unix.MS_SHARED, changes: []step.PropagationChange{slave, shared}, top: "shared: master:"},
		{name: "unbindable", changes: []step.PropagationChange{{Flag: unix.MS_UNBINDABLE}}, top: "unbindable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				outer := filepath.Join(e.dir, "outer")
				must(t, os.Mkdir(outer, 0o755))
				must(t, unix.Mount("tmpfs", outer, "tmpfs", 0, ""))
				must(t, os.Mkdir(filepath.Join(outer, "sub"), 0o755))
				if tt.hostState != 0 {
					must(t, unix.Mount("", outer, "", uintptr(tt.hostState), ""))
				}
				must(t, unix.Mount("tmpfs", filepath.Join(outer, "sub"), "tmpfs", 0, ""))
				must(t, unix.Mount("", filepath.Join(outer, "sub"), "", unix.MS_PRIVATE, ""))
				m := bind(outer, "/data")
				m.Options.Recursive = true
				m.Options.Propagation = tt.changes
				must(t, e.open(t).Mount(m))
				for path, want := range map[string]string{"/data": tt.top, "/data/sub": tt.sub} {
					got := strings.Fields(e.mountedOnce(t, path).optional)
					for i := range got {
						got[i] = strings.TrimRight(got[i], "0123456789")
					}
					if strings.Join(got, " ") != want {
						t.Errorf("%s is %v, want %q", path, got, want)
					}
				}
			})
		})
	}
}

// lockedDir names the directory of the test whose other half runs in a user namespace.
const lockedDir = "ROOTFS_TEST_LOCKED"

// TestLockedFlags covers F20: what protects a mount from another user namespace cannot be cleared, and the error says so. A
// bind that only adds flags keeps the locked ones. The test binary runs once more in namespaces of its own.
func TestLockedFlags(t *testing.T) {
	if dir := os.Getenv(lockedDir); dir != "" {
		checkLockedFlags(t, &env{dir: dir, rootfs: filepath.Join(dir, "rootfs")})
		return
	}
	inNamespace(t, func(t *testing.T, e *env) {
		e.volume(t)
		must(t, os.Chmod(e.dir, 0o755))
		must(t, os.Chmod(filepath.Dir(e.dir), 0o755))
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestLockedFlags$")
		cmd.Env = append(os.Environ(), lockedDir+"="+e.dir)
		ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1 << 16}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, UidMappings: ids, GidMappings: ids}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func checkLockedFlags(t *testing.T, e *env) {
	must(t, SetPropagation(unix.MS_SLAVE))
	r := e.open(t)
	locked := filepath.Join(e.dir, "volume/sub") // nosuid
	m := bind(locked, "/cleared")
	m.Options.Attr.Clear = unix.MOUNT_ATTR_NOSUID
	refused(t, r.Mount(m), unix.EPERM, "suid", "locked")
	m = bind(locked, "/kept")
	m.Options.Attr.Set = unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_RDONLY
	must(t, r.Mount(m))
	for _, word := range []string{"nosuid", "noexec", "ro"} {
		if options := e.mountedOnce(t, "/kept").options; !has(options, word) {
			t.Errorf("options %s, want %s", options, word)
		}
	}
	refused(t, r.Mount(bind(filepath.Dir(locked), "/plain")), unix.EINVAL, "rbind")
	refused(t, r.Mount(&step.Mount{Destination: "/sys", Type: "sysfs"}), unix.EPERM, "network namespace")

	// C7: what Move cannot unmount it hides.
	must(t, r.removeMount(&mountEntry{path: "/proc", fsType: "proc"}))
	if entries, err := os.ReadDir("/proc"); len(entries) > 0 || err != nil {
		t.Errorf("/proc has %d entries, %v", len(entries), err)
	}
}

// TestRemount covers F25.
func TestRemount(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options step.MountOptions
		want    string
		super   string
		errno   unix.Errno
		path    string
	}{
		{name: "attributes of a bind", path: "/there", options: step.MountOptions{Bind: true, Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}}, want: "ro,nosuid", super: "rw"},
		{name: "a bind leaves the superblock", path: "/there", options: step.MountOptions{Bind: true, Super: []string{"ro"}, Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}}, want: "ro,nosuid", super: "rw"},
		{name: "superblock", path: "/there", options: step.MountOptions{Super: []string{"ro"}, Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}}, want: "ro,nosuid", super: "ro"},
		{name: "data", path: "/there", options: step.MountOptions{Data: []string{"size=128k"}}, want: "nosuid", super: "size=128k"},
		{name: "bad data", path: "/there", options: step.MountOptions{Data: []string{"size=x"}}, errno: unix.EINVAL},
		{name: "nothing mounted", path: "/etc", options: step.MountOptions{Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}}, errno: unix.EINVAL},
		{name: "missing", path: "/missing", options: step.MountOptions{Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}}, errno: unix.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				r := e.open(t)
				m := tmpfs("/there")
				m.Options.Attr.Set = unix.MOUNT_ATTR_NOSUID
				must(t, r.Mount(m))
				tt.options.Remount = true
				err := r.Mount(&step.Mount{Destination: tt.path, Options: tt.options})
				if tt.errno != 0 {
					refused(t, err, tt.errno, "remount", tt.path)
					return
				}
				must(t, err)
				l := e.mountedOnce(t, "/there")
				for word := range strings.SplitSeq(tt.want, ",") {
					if !has(l.options, word) {
						t.Errorf("options %s, want %s", l.options, word)
					}
				}
				if !has(l.superOptions, tt.super) {
					t.Errorf("superblock %s, want %s", l.superOptions, tt.super)
				}
			})
		})
	}
}
