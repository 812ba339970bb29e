package rootfs

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// TestOpen covers F1 and F4.
func TestOpen(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		file := filepath.Join(e.dir, "file")
		link := filepath.Join(e.dir, "link")
		must(t, os.WriteFile(file, nil, 0o644))
		must(t, os.Symlink("rootfs", link))
		for _, tt := range []struct {
			name, path string
			errno      unix.Errno
			words      string
		}{
			{"the host's root", "/", 0, "directory of its own"},
			{"a file", file, unix.ENOTDIR, file},
			{"a symbolic link", link, unix.ENOTDIR, "it is a symbolic link"},
			{"missing", filepath.Join(e.dir, "missing"), unix.ENOENT, "missing"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				_, err := Open(tt.path)
				refused(t, err, tt.errno, tt.words)
			})
		}
		before := len(allMounts(t))
		must(t, os.WriteFile(e.in("marker"), nil, 0o644))
		must(t, unix.Mount("tmpfs", e.in("sys"), "tmpfs", 0, "")) // a volume of the caller's
		must(t, os.WriteFile(e.in("sys/marker"), nil, 0o644))
		e.open(t)
		if got := len(allMounts(t)); got != before+3 {
			t.Errorf("%d mounts more, want 3: one of the test, and a copy of that and of the root", got-before)
		}
		e.mountedOnce(t, "/")
		if _, err := os.Stat(e.in("sys/marker")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(e.in("marker")); err != nil {
			t.Error(err)
		}
	})
}

// TestNothingReachesThePeers covers F4 and F5: with every mount shared with another namespace, as on a host that systemd has
// set up, neither the mounts of a container nor the detaching of its old root may change that other namespace.
func TestNothingReachesThePeers(t *testing.T) {
	for _, tt := range []struct {
		name        string
		propagation uint64
		enter       func(*Root) error
	}{
		{"slave", unix.MS_SLAVE, (*Root).Pivot},
		{"private", unix.MS_PRIVATE, (*Root).Pivot},
		{"shared", unix.MS_SHARED, (*Root).Pivot},
		{"shared, no pivot", unix.MS_SHARED, (*Root).Move},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				must(t, SetPropagation(unix.MS_SHARED))
				hostFd, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
				must(t, err)
				defer unix.Close(hostFd)
				before := allMounts(t)
				t.Run("container", func(t *testing.T) {
					runtime.LockOSThread()
					must(t, unix.Unshare(unix.CLONE_FS))
					must(t, unix.Setns(hostFd, unix.CLONE_NEWNS))
					must(t, unix.Unshare(unix.CLONE_NEWNS))
					must(t, SetPropagation(tt.propagation))
					r, err := Open(e.rootfs)
					must(t, err)
					defer r.Close()
					must(t, r.Mount(tmpfs("/dev")))
					must(t, r.Mask("/etc"))
					must(t, tt.enter(r))
					must(t, r.SetPropagation(step.PropagationChange{Flag: unix.MS_SHARED, Recursive: true}))
					must(t, unix.Mount("tmpfs", "/sys", "tmpfs", 0, ""))
				})
				if after := allMounts(t); !slices.Equal(before, after) {
					t.Errorf("the mounts of the host changed\nbefore %v\n after %v", before, after)
				}
			})
		})
	}
}

// TestBidirectional covers F30 and I7: with a shared tree a bind with rshared reaches the host, which is how storage drivers
// mount volumes for others.
func TestBidirectional(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		must(t, SetPropagation(unix.MS_SHARED))
		hostFd, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		must(t, err)
		defer unix.Close(hostFd)
		t.Run("container", func(t *testing.T) {
			runtime.LockOSThread()
			must(t, unix.Unshare(unix.CLONE_FS))
			must(t, unix.Setns(hostFd, unix.CLONE_NEWNS))
			must(t, unix.Unshare(unix.CLONE_NEWNS))
			must(t, SetPropagation(unix.MS_SHARED))
			// A volume on a file system of its own: the one of the rootfs is made slave.
			volume := filepath.Join(e.dir, "volume")
			must(t, os.Mkdir(volume, 0o755))
			must(t, unix.Mount("tmpfs", volume, "tmpfs", 0, ""))
			must(t, os.Mkdir(filepath.Join(volume, "new"), 0o755))
			r, err := Open(e.rootfs)
			must(t, err)
			defer r.Close()
			m := bind(volume, "/volume")
			m.Options.Recursive = true
			m.Options.Propagation = []step.PropagationChange{{Flag: unix.MS_SHARED, Recursive: true}}
			must(t, r.Mount(m))
			must(t, r.Pivot())
			must(t, unix.Mount("tmpfs", "/volume/new", "tmpfs", 0, ""))
		})
		want := filepath.Join(e.dir, "volume/new")
		if !slices.ContainsFunc(allMounts(t), func(l mountLine) bool { return l.path == want }) {
			t.Error("the container's mount is not visible on the host")
		}
	})
}

// TestPivot covers F5: the old root is gone and the working directory is the new one.
func TestPivot(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		r := e.open(t)
		must(t, r.Mount(&step.Mount{Destination: "/proc", Type: "proc", Source: "proc"}))
		e.write(t, "/marker", "here")
		must(t, r.Pivot())
		checkEntered(t, e)
		for _, l := range allMounts(t) {
			if l.path != "/" && l.path != "/proc" {
				t.Errorf("still mounted: %+v", l)
			}
		}
	})
}

// TestMove covers C7: without pivot_root(2) nothing of the host stays mounted but what the root lies on. A mount table shows only
// what is below the root of its reader, so this looks from the old root, to which a program that may call chroot(2) can get.
func TestMove(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		odd := filepath.Join(e.dir, "odd \\ name")
		must(t, os.Mkdir(odd, 0o755))
		must(t, unix.Mount("tmpfs", odd, "tmpfs", 0, ""))
		must(t, unix.Mount("", odd, "", unix.MS_SHARED, ""))
		oldFd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		must(t, err)
		defer unix.Close(oldFd)
		r := e.open(t)
		must(t, r.Mount(&step.Mount{Destination: "/proc", Type: "proc", Source: "proc"}))
		e.write(t, "/marker", "here")
		must(t, r.Move())
		checkEntered(t, e)
		for _, path := range []string{"proc", "sys", odd[1:]} {
			fd, err := unix.Openat(oldFd, path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			must(t, err)
			st, err := stat(fd)
			must(t, err)
			unix.Close(fd)
			if isMountRoot(&st) {
				t.Errorf("%q is still mounted", path)
			}
		}
	})
}

// TestChroot covers F3: nothing is mounted for a container in the host's mount namespace.
func TestChroot(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		before := allMounts(t)
		r, err := OpenShared(e.rootfs)
		must(t, err)
		defer r.Close()
		if after := allMounts(t); !slices.Equal(before, after) {
			t.Errorf("mounts changed: %v", after)
		}
		e.write(t, "/marker", "here")
		must(t, r.Chroot())
		checkEntered(t, e)
	})
}

func checkEntered(t *testing.T, e *env) {
	t.Helper()
	for _, path := range []string{"/marker", "marker", "../../marker"} {
		if content, err := os.ReadFile(path); string(content) != "here" {
			t.Errorf("%s: %q, %v", path, content, err)
		}
	}
	var cwd [unix.PathMax]byte
	if n, err := unix.Getcwd(cwd[:]); err != nil || string(cwd[:n-1]) != "/" {
		t.Errorf("getcwd: %q, %v", cwd[:max(n, 0)], err)
	}
	if _, err := os.Stat(e.canary); err == nil {
		t.Error("the host's files can still be reached")
	}
}

// TestMakeReadonly covers F2.
func TestMakeReadonly(t *testing.T) {
	inNamespace(t, func(t *testing.T, e *env) {
		r := e.open(t)
		must(t, r.Mount(tmpfs("/dev")))
		must(t, r.MakeReadonly())
		if err := os.WriteFile(e.in("x"), nil, 0o644); err == nil {
			t.Error("the root is writable")
		}
		must(t, os.WriteFile(e.in("dev/x"), nil, 0o644)) // a mount on it is not part of it
	})
}

// TestSetPropagation covers I7.
func TestSetPropagation(t *testing.T) {
	for _, tt := range []struct {
		name      string
		change    step.PropagationChange
		root, sub string
	}{
		{"shared", step.PropagationChange{Flag: unix.MS_SHARED}, "shared:", ""},
		{"rshared", step.PropagationChange{Flag: unix.MS_SHARED, Recursive: true}, "shared:", "shared:"},
		{"private", step.PropagationChange{Flag: unix.MS_PRIVATE}, "", ""},
		{"unbindable", step.PropagationChange{Flag: unix.MS_UNBINDABLE}, "unbindable", ""},
		{"runbindable", step.PropagationChange{Flag: unix.MS_UNBINDABLE, Recursive: true}, "unbindable", "unbindable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inNamespace(t, func(t *testing.T, e *env) {
				r := e.open(t)
				must(t, r.Mount(tmpfs("/dev")))
				must(t, r.SetPropagation(tt.change))
				for path, want := range map[string]string{"/": tt.root, "/dev": tt.sub} {
					got := e.mountedOnce(t, path).optional
					if want == "" && got != "" || !strings.HasPrefix(got, want) {
						t.Errorf("%s is %q, want %q", path, got, want)
					}
				}
			})
		})
	}
}

func TestParseMounts(t *testing.T) {
	const text = "36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue\n" +
		"40 36 0:5 / /a\\040b\\134c ro - tmpfs none rw\n" +
		"short line\n"
	want := []mountEntry{
		{id: 36, parent: 35, path: "/mnt2", fsType: "ext3", shared: true},
		{id: 40, parent: 36, path: `/a b\c`, fsType: "tmpfs"},
	}
	if got := parseMounts(text); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
