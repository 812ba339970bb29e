package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// TestMask covers I1 to I4 (CVE-2025-31133, CVE-2025-62161).
func TestMask(t *testing.T) {
	for _, tt := range []struct {
		name    string
		path    string
		prepare func(t *testing.T, e *env)
		file    string // container path without links that must read as the null device
		dir     string // … that must be an empty read-only directory
		errno   unix.Errno
	}{
		{name: "file", path: "/etc/secret", file: "/etc/secret"},
		{name: "directory", path: "/etc/secrets", dir: "/etc/secrets"},
		{name: "link to a file", path: "/link", file: "/etc/secret", prepare: func(t *testing.T, e *env) { e.symlink(t, "etc/secret", "/link") }},
		{name: "absolute link to a directory", path: "/link/secrets", dir: "/etc/secrets", prepare: func(t *testing.T, e *env) { e.symlink(t, "/etc", "/link") }},
		{name: "link above the root", path: "/link/secret", file: "/etc/secret", prepare: func(t *testing.T, e *env) { e.symlink(t, "../../../etc", "/link") }},
		{name: "missing", path: "/etc/missing"},
		{name: "missing directory", path: "/missing/x"},
		{name: "below a file", path: "/etc/secret/x"},
		{name: "link to the canary", path: "/link", prepare: func(t *testing.T, e *env) { e.symlink(t, e.canary, "/link") }},
		{name: "loop", path: "/link", errno: unix.ELOOP, prepare: func(t *testing.T, e *env) { e.symlink(t, "link", "/link") }},
		{name: "the image's null device is a link", path: "/etc/secret", file: "/etc/secret", prepare: func(t *testing.T, e *env) { e.symlink(t, "/etc/shadow", "/dev/null") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				e.write(t, "/etc/secret", "data")
				e.write(t, "/etc/secrets/one", "data")
				if tt.prepare != nil {
					tt.prepare(t, e)
				}
				before := allMounts(t)
				err := e.open(t).Mask(tt.path)
				e.inside(t, before)
				if tt.errno != 0 {
					refused(t, err, tt.errno, "mask", tt.path)
					return
				}
				must(t, err)
				checkMasked(t, e, tt.file, tt.dir)
				if n := len(allMounts(t)) - len(before); tt.file == "" && tt.dir == "" && n != 1 {
					t.Errorf("%d mounts besides the root", n-1)
				}
			})
		})
	}
}

func checkMasked(t *testing.T, e *env, file, dir string) {
	t.Helper()
	if file != "" {
		var st unix.Stat_t
		must(t, unix.Stat(e.in(file), &st))
		if st.Rdev != unix.Mkdev(1, 3) {
			t.Errorf("%s is not the null device", file)
		}
		if content, err := os.ReadFile(e.in(file)); len(content) > 0 || err != nil {
			t.Errorf("%s reads %q, %v", file, content, err)
		}
	}
	if dir != "" {
		if entries, err := os.ReadDir(e.in(dir)); len(entries) > 0 || err != nil {
			t.Errorf("%s has %v, %v", dir, entries, err)
		}
		if err := os.Mkdir(e.in(filepath.Join(dir, "x")), 0o755); !errors.Is(err, unix.EROFS) {
			t.Errorf("mkdir in %s: %v", dir, err)
		}
	}
}

// TestMaskWithWrongNull covers I1 (CVE-2025-31133): what is at the host's /dev/null is not taken on trust.
func TestMaskWithWrongNull(t *testing.T) {
	for _, tt := range []struct {
		name, source string
	}{{"a file", "canary/file"}, {"another device", "zero"}, {"a link to the null device", "link"}} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				must(t, unix.Mknod(filepath.Join(e.dir, "zero"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
				if tt.source == "link" {
					must(t, unix.Mount("tmpfs", "/dev", "tmpfs", 0, ""))
					must(t, unix.Mknod("/dev/real", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))))
					must(t, os.Symlink("real", "/dev/null"))
				} else {
					must(t, unix.Mount(filepath.Join(e.dir, tt.source), "/dev/null", "", unix.MS_BIND, ""))
				}
				e.write(t, "/etc/secret", "data")
				r := e.open(t)
				if err := r.Mask("/etc/secret"); !errors.Is(err, errNotNull) {
					t.Errorf("got %v", err)
				}
				if l := e.mounted(t, "/etc/secret"); len(l) > 0 {
					t.Errorf("mounted %+v", l)
				}
			})
		})
	}
}

// TestMasksShareOneFileSystem covers I2: an empty file system for each directory would cost memory and time.
func TestMasksShareOneFileSystem(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		r := e.open(t)
		var devices []uint64
		for _, dir := range []string{"/a", "/b", "/c"} {
			must(t, os.Mkdir(e.in(dir), 0o755))
			must(t, r.Mask(dir))
			checkMasked(t, e, "", dir)
			var st unix.Stat_t
			must(t, unix.Stat(e.in(dir), &st))
			devices = append(devices, st.Dev)
			if options := e.mountedOnce(t, dir).options; options != "ro,nosuid,nodev,noexec,relatime" {
				t.Errorf("%s has options %s", dir, options)
			}
		}
		if devices[0] != devices[1] || devices[0] != devices[2] {
			t.Errorf("devices %v", devices)
		}
		must(t, r.Pivot())
		if err := unix.Mount("", "/b", "", unix.MS_REMOUNT|unix.MS_BIND, ""); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir("/b/x", 0o755); !errors.Is(err, unix.EROFS) {
			t.Errorf("the file system itself is not read-only: %v", err)
		}
	})
}

// TestReadonlyPath covers I5.
func TestReadonlyPath(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		e.write(t, "/etc/file", "data")
		e.symlink(t, "/etc", "/link")
		e.symlink(t, e.canary, "/out")
		r := e.open(t)
		m := tmpfs("/dev")
		m.Options.Attr = step.Attr{Set: unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOATIME, Clear: unix.MOUNT_ATTR__ATIME}
		must(t, r.Mount(m))
		must(t, r.Mount(tmpfs("/dev/shm")))
		before := allMounts(t)
		for _, path := range []string{"/dev", "/link/file", "/out", "/missing", "/etc/file/x"} {
			must(t, r.ReadonlyPath(path))
		}
		e.inside(t, before)
		for _, path := range []string{"/dev/x", "/dev/shm/x", "/etc/file"} {
			if err := os.WriteFile(e.in(path), nil, 0o644); !errors.Is(err, unix.EROFS) {
				t.Errorf("write to %s: %v", path, err)
			}
		}
		must(t, os.WriteFile(e.in("etc/other"), nil, 0o644))
		if options := e.mountedOnce(t, "/dev").options; options != "ro,nosuid,noatime" {
			t.Errorf("options %s", options)
		}
		if n := len(allMounts(t)) - len(before); n != 3 { // two copies at /dev, one at /etc/file
			t.Errorf("%d mounts, want 3", n)
		}
	})
}

// TestVerify: what protects must be found again at its path (security rule 4; CVE-2021-30465, CVE-2019-19921,
// CVE-2025-52565).
func TestVerify(t *testing.T) {
	for name, protect := range map[string]func(r *Root, target *target) error{
		"read-only path":   func(r *Root, target *target) error { return r.coverReadonly("/a", target.fd) },
		"masked directory": func(r *Root, target *target) error { return r.maskDir("/a", target.fd) },
		"masked file":      func(r *Root, target *target) error { return r.maskFile("/file-a", target.fd) },
		"proc file system": func(r *Root, target *target) error { return r.mountOn(target, &step.Mount{Type: "proc"}, -1, true) },
		"terminal": func(r *Root, target *target) error {
			fd, err := unix.Open("/dev/null", unix.O_PATH|unix.O_CLOEXEC, 0) // any device is one here
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return r.bindTerminal(target, fd)
		},
		"sysfs file system": func(r *Root, target *target) error { return r.mountOn(target, &step.Mount{Type: "sysfs"}, -1, true) },
	} {
		t.Run(name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				path, other := "/a", "/b"
				isFile := name == "masked file" || name == "terminal"
				if isFile {
					path, other = "/file-a", "/file-b"
					e.write(t, path, "")
					e.write(t, other, "")
				} else {
					must(t, os.Mkdir(e.in(path), 0o755))
					must(t, os.Mkdir(e.in(other), 0o755))
				}
				r := e.open(t)
				target, err := r.openTarget(path, !isFile)
				must(t, err)
				defer target.close()
				must(t, unix.Renameat2(unix.AT_FDCWD, e.in(path), unix.AT_FDCWD, e.in(other), unix.RENAME_EXCHANGE)) // the attacker
				if err := protect(r, target); !errors.Is(err, errMoved) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

// TestProtectRoot: a process whose root it is would not see a cover on the root, so there is none.
func TestProtectRoot(t *testing.T) {
	for name, protect := range map[string]func(r *Root, path string) error{"read-only": (*Root).ReadonlyPath, "mask": (*Root).Mask} {
		for _, path := range []string{"/", "/..", "/self"} {
			t.Run(name+" "+path, func(t *testing.T) {
				inNamespace(t, func(t *testing.T, e *env) {
					e.symlink(t, "/", "/self")
					r := e.open(t)
					before := len(allMounts(t))
					if err := protect(r, path); !errors.Is(err, errIsRoot) {
						t.Errorf("got %v", err)
					}
					if after := len(allMounts(t)); after != before {
						t.Errorf("%d mounts, %d before", after, before)
					}
				})
			})
		}
	}
}

// TestBindConsole covers H7 (CVE-2025-52565).
func TestBindConsole(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, e *env)
		errno   unix.Errno
	}{
		{name: "missing"},
		{name: "a file", prepare: func(t *testing.T, e *env) { e.write(t, "/dev/console", "") }},
		{name: "a link inside", prepare: func(t *testing.T, e *env) { e.symlink(t, "/etc/console", "/dev/console") }},
		{name: "a directory", errno: unix.ENOTDIR, prepare: func(t *testing.T, e *env) { must(t, os.Mkdir(e.in("dev/console"), 0o755)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				if tt.prepare != nil {
					tt.prepare(t, e)
				}
				r := e.open(t)
				must(t, r.Mount(&step.Mount{Destination: "/dev/pts", Type: "devpts", Options: step.MountOptions{Data: []string{"newinstance", "ptmxmode=0666"}}}))
				masterFd, err := unix.Open(e.in("dev/pts/ptmx"), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
				must(t, err)
				defer unix.Close(masterFd)
				must(t, unix.IoctlSetPointerInt(masterFd, unix.TIOCSPTLCK, 0))
				slaveFd, err := unix.Open(e.in("dev/pts/0"), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
				must(t, err)
				defer unix.Close(slaveFd)
				before := allMounts(t)
				err = r.BindConsole(slaveFd)
				e.inside(t, before)
				if tt.errno != 0 {
					refused(t, err, tt.errno, "/dev/console")
					return
				}
				must(t, err)
				must(t, r.Pivot())
				var st unix.Stat_t
				must(t, unix.Stat("/dev/console", &st))
				if unix.Major(st.Rdev) != 136 {
					t.Errorf("device %d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
				}
			})
		})
	}
}
