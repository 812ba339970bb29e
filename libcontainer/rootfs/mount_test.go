package rootfs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// TestDestination covers F6, F7, F9 and F10: wherever an image's links point, the mount lies inside the root, and where the
// container would look for it.
func TestDestination(t *testing.T) {
	for _, tt := range []struct {
		name        string
		prepare     func(t *testing.T, e *env)
		destination string
		where       string // container path without links
		errno       unix.Errno
	}{
		{name: "existing", destination: "/etc", where: "/etc"},
		{name: "missing", destination: "/a/b/c", where: "/a/b/c"},
		{name: "dots", destination: "/a/../etc/./x", where: "/etc/x", prepare: func(t *testing.T, e *env) { must(t, os.Mkdir(e.in("a"), 0o755)) }},
		{name: "above the root", destination: "/../../../etc", where: "/etc"},
		{name: "absolute link", destination: "/link", where: "/etc", prepare: func(t *testing.T, e *env) { e.symlink(t, "/etc", "/link") }},
		{name: "relative link", destination: "/a/link/x", where: "/etc/x", prepare: func(t *testing.T, e *env) { e.symlink(t, "../etc", "/a/link") }},
		{name: "link with dots above the root", destination: "/link/x", where: "/canary/x", prepare: func(t *testing.T, e *env) { e.symlink(t, "../../../canary", "/link") }},
		{name: "link to the canary", destination: "/link", where: "CANARY", prepare: func(t *testing.T, e *env) { e.symlink(t, e.canary, "/link") }},
		{name: "dangling absolute link", destination: "/link/x", where: "/made/here/x", prepare: func(t *testing.T, e *env) { e.symlink(t, "/made/here", "/link") }},
		{name: "dangling relative link", destination: "/a/link", where: "/made", prepare: func(t *testing.T, e *env) { e.symlink(t, "./../../made", "/a/link") }},
		{name: "dangling chain", destination: "/one", where: "/x/y", prepare: func(t *testing.T, e *env) {
			e.symlink(t, "two/y", "/one")
			e.symlink(t, "/x", "/two")
		}},
		{name: "loop", destination: "/one", errno: unix.ELOOP, prepare: func(t *testing.T, e *env) {
			e.symlink(t, "two", "/one")
			e.symlink(t, "one", "/two")
		}},
		{name: "on a file", destination: "/etc/passwd", errno: unix.ENOTDIR, prepare: func(t *testing.T, e *env) { e.write(t, "/etc/passwd", "") }},
		{name: "below a file", destination: "/etc/passwd/x", errno: unix.ENOTDIR, prepare: func(t *testing.T, e *env) { e.write(t, "/etc/passwd", "") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				if tt.prepare != nil {
					tt.prepare(t, e)
				}
				before := allMounts(t)
				err := e.open(t).Mount(tmpfs(tt.destination))
				e.inside(t, before)
				if tt.errno != 0 {
					refused(t, err, tt.errno, "mount tmpfs on", tt.destination)
					return
				}
				must(t, err)
				e.mountedOnce(t, strings.Replace(tt.where, "CANARY", e.canary, 1))
			})
		})
	}
}

// TestMountOnRoot covers F8: a mount on "/" becomes the root, whatever the path is called, and what follows lands on it.
func TestMountOnRoot(t *testing.T) {
	for _, destination := range []string{"/", "/..", "/self"} {
		t.Run(destination, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				e.symlink(t, "/", "/self")
				r := e.open(t)
				must(t, r.Mount(tmpfs(destination)))
				must(t, r.Mount(tmpfs("/data")))
				must(t, r.MakeReadonly())
				must(t, r.Pivot())
				entries, err := os.ReadDir("/")
				must(t, err)
				if len(entries) != 1 || entries[0].Name() != "data" {
					t.Errorf("the root holds %v, want data", entries)
				}
				if err := os.Mkdir("/x", 0o755); err == nil {
					t.Error("the root is writable")
				}
			})
		})
	}
}

// TestProcAndSysfs covers F13 and F14 (CVE-2019-19921, CVE-2023-27561, CVE-2025-54867): only on a real directory.
func TestProcAndSysfs(t *testing.T) {
	for _, fsType := range []string{"proc", "sysfs"} {
		for _, tt := range []struct {
			name        string
			destination string
			prepare     func(t *testing.T, e *env)
			refused     bool
		}{
			{name: "directory", destination: "/sys"},
			{name: "missing directory", destination: "/new/place"},
			{name: "relative link", destination: "/link", refused: true, prepare: func(t *testing.T, e *env) { e.symlink(t, "etc", "/link") }},
			{name: "absolute link", destination: "/link", refused: true, prepare: func(t *testing.T, e *env) { e.symlink(t, "/etc", "/link") }},
			{name: "dangling link", destination: "/link", refused: true, prepare: func(t *testing.T, e *env) { e.symlink(t, "/made", "/link") }},
			{name: "below a link", destination: "/link/x", refused: true, prepare: func(t *testing.T, e *env) { e.symlink(t, "/etc", "/link") }},
		} {
			t.Run(fsType+" "+tt.name, func(t *testing.T) {
				inNamespace(t, func(t *testing.T, e *env) {
					if tt.prepare != nil {
						tt.prepare(t, e)
					}
					before := allMounts(t)
					err := e.open(t).Mount(&step.Mount{Destination: tt.destination, Type: fsType, Source: fsType})
					e.inside(t, before)
					if tt.refused {
						refused(t, err, unix.ELOOP, "symbolic link")
						return
					}
					must(t, err)
					if got := e.mountedOnce(t, tt.destination).fsType; got != fsType {
						t.Errorf("%s is mounted", got)
					}
				})
			})
		}
	}
}

// TestMountInsideProc covers F13 (CVE-2019-16884): the text of the destination is not what counts.
func TestMountInsideProc(t *testing.T) {
	for _, tt := range []struct {
		name        string
		destination string
		refused     bool
	}{
		{name: "by name", destination: "/proc/sys/kernel/domainname", refused: true},
		{name: "through a link", destination: "/link/kernel/domainname", refused: true},
		{name: "allowed file through a link", destination: "/uptime", refused: true},
		{name: "allowed file", destination: "/proc/uptime"},
		{name: "the host's elsewhere", destination: "/host/proc/uptime"},
		{name: "the root of it", destination: "/proc/.", refused: false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				e.symlink(t, "/proc/sys", "/link")
				e.symlink(t, "/proc/uptime", "/uptime")
				r := e.open(t)
				must(t, r.Mount(&step.Mount{Destination: "/proc", Type: "proc", Source: "proc"}))
				must(t, r.Mount(bind("/proc", "/host/proc")))
				source := filepath.Join(e.canary, "file")
				if tt.name == "the root of it" {
					source = "/proc"
				}
				err := r.Mount(bind(source, tt.destination))
				if tt.refused {
					refused(t, err, 0, "is inside /proc")
					return
				}
				must(t, err)
			})
		})
	}
}

// TestMountInsideLinkedProc covers F13: an allowed name is no excuse where the image's /proc is a link.
func TestMountInsideLinkedProc(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		must(t, os.Remove(e.in("proc")))
		e.symlink(t, "real", "/proc")
		r := e.open(t)
		must(t, r.Mount(&step.Mount{Destination: "/real", Type: "proc", Source: "proc"}))
		refused(t, r.Mount(bind(filepath.Join(e.canary, "file"), "/proc/uptime")), 0, "is inside /proc")
	})
}

// TestNew covers F15 to F17, F21 to F24 and F27: file systems with their options.
func TestNew(t *testing.T) {
	long := "context=" + strings.Repeat("x", 300)
	for _, tt := range []struct {
		name    string
		mount   step.Mount
		super   string // word of the superblock's options
		options string // words of the mount's options
		errno   unix.Errno
		words   []string
	}{
		{name: "mqueue", mount: step.Mount{Type: "mqueue", Source: "mqueue"}, super: "rw"},
		{name: "devpts", mount: step.Mount{Type: "devpts", Source: "devpts", Options: step.MountOptions{Data: []string{"newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}}}, super: "gid=5,mode=620,ptmxmode=666"},
		{name: "tmpfs", mount: step.Mount{Type: "tmpfs", Source: "tmpfs", Options: step.MountOptions{Data: []string{"size=64k", "mode=0711"}}}, super: "size=64k,mode=711"},
		{name: "tmpfs takes the mode of the directory", mount: step.Mount{Type: "tmpfs", Source: "tmpfs"}, super: "mode=750"},
		{name: "attributes", mount: step.Mount{Type: "tmpfs", Options: step.MountOptions{
			Attr:    step.Attr{Set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOATIME, Clear: unix.MOUNT_ATTR__ATIME},
			RecAttr: step.Attr{Set: unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NODIRATIME | unix.MOUNT_ATTR_NOSYMFOLLOW},
		}}, options: "rw,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow"},
		{name: "a recursive word comes after the plain one", mount: step.Mount{Type: "tmpfs", Options: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_NOEXEC | unix.MOUNT_ATTR_NODEV}, RecAttr: step.Attr{Clear: unix.MOUNT_ATTR_NOEXEC},
		}}, options: "rw,nodev,relatime"},
		{name: "strictatime", mount: step.Mount{Type: "tmpfs", Options: step.MountOptions{Attr: step.Attr{Set: unix.MOUNT_ATTR_STRICTATIME, Clear: unix.MOUNT_ATTR__ATIME}}}, options: "rw"},
		{name: "superblock flags", mount: step.Mount{Type: "tmpfs", Options: step.MountOptions{
			Attr: step.Attr{Set: unix.MOUNT_ATTR_RDONLY}, Super: []string{"ro", "sync", "dirsync", "lazytime", "nomand"},
		}}, options: "ro,relatime", super: "ro,sync,dirsync,lazytime"},
		{name: "no such file system", mount: step.Mount{Type: "nonesuchfs"}, errno: unix.ENODEV, words: []string{"mount nonesuchfs on", "no such file system"}},
		{name: "the file system's own words", mount: step.Mount{Type: "tmpfs", Options: step.MountOptions{Data: []string{"size=many"}}}, errno: unix.EINVAL, words: []string{"size=many", "tmpfs: Bad value for 'size'"}}, // F42
		{name: "unknown to the file system", mount: step.Mount{Type: "tmpfs", Options: step.MountOptions{Data: []string{"color=red"}}}, errno: unix.EINVAL, words: []string{"color", "Unknown parameter"}},
		{name: "more than a page together", mount: step.Mount{Type: "tmpfs", Options: step.MountOptions{Data: append(slices.Repeat([]string{"nr_inodes=1000"}, 400), "size=64k")}}, super: "size=64k"}, // F22
		{name: "longer than fsconfig takes", mount: step.Mount{Type: "tmpfs", Options: step.MountOptions{Data: []string{long}}}, errno: unix.E2BIG, words: []string{"255 bytes"}},
		{name: "copy-up on something else", mount: step.Mount{Type: "proc", Options: step.MountOptions{CopyUp: true}}, words: []string{"is for tmpfs"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				must(t, os.Mkdir(e.in("there"), 0o750))
				tt.mount.Destination = "/there"
				before := allMounts(t)
				err := e.open(t).Mount(&tt.mount)
				e.inside(t, before)
				if tt.words != nil {
					refused(t, err, tt.errno, tt.words...)
					if len(e.mounted(t, "/there")) > 0 {
						t.Error("mounted in spite of the error")
					}
					return
				}
				must(t, err)
				l := e.mountedOnce(t, "/there")
				for word := range strings.SplitSeq(tt.super, ",") {
					if word != "" && !has(l.superOptions, word) {
						t.Errorf("superblock has %s, want %s", l.superOptions, word)
					}
				}
				if tt.options != "" && l.options != tt.options {
					t.Errorf("mount has %s, want %s", l.options, tt.options)
				}
			})
		})
	}
}

// TestTmpfsOnMissingDirectory: the kernel's default mode, not the one of the directory made for it (F17).
func TestTmpfsOnMissingDirectory(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		must(t, e.open(t).Mount(tmpfs("/new")))
		var st unix.Stat_t
		must(t, unix.Stat(e.in("new"), &st))
		if st.Mode&0o7777 != 0o1777 {
			t.Errorf("mode %o", st.Mode&0o7777)
		}
	})
}

// TestCreatedModes covers F10 under a umask that would take the modes away.
func TestCreatedModes(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		defer unix.Umask(unix.Umask(0o077))
		r := e.open(t)
		must(t, r.Mount(bind(filepath.Join(e.canary, "file"), "/new/file")))
		must(t, r.Mount(bind(e.canary, "/new/directory")))
		must(t, unix.Unmount(e.in("new/file"), 0))
		must(t, unix.Unmount(e.in("new/directory"), 0))
		for path, want := range map[string]uint32{"/new": 0o755, "/new/file": 0o644, "/new/directory": 0o755} {
			var st unix.Stat_t
			must(t, unix.Lstat(e.in(path), &st))
			if st.Mode&0o7777 != want {
				t.Errorf("%s has mode %o, want %o", path, st.Mode&0o7777, want)
			}
		}
	})
}
