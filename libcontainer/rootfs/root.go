package rootfs

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/safepath"
	"github.com/tare-run/tare/libcontainer/step"
)

// Root is the container's root while it is being built.
type Root struct {
	fd    int    // root directory of the root mount, O_PATH
	mntID uint64 // of that mount
	ino   uint64 // of that directory

	nullFd   int    // the host's /dev/null, O_PATH; −1 until the first masked file
	emptyFd  int    // root of the empty file system on the first masked directory; −1 until then
	emptyDev uint64 // its device

	inside bool  // of a running container, see OpenInside
	added  []int // roots of what has been mounted there
	leave  []int // roots of what is to be unmounted there
}

var errHostRoot = errors.New("is the root of the host")

// SetPropagation sets the propagation (MS_*) of all mounts of this namespace, before the first change to them.
func SetPropagation(flag uint64) error {
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Propagation: flag}); err != nil {
		return &fault.Error{Op: "set propagation of", Path: "/", Err: err}
	}
	return nil
}

// Open makes the directory at hostPath a mount of its own, as pivot_root(2) wants it, with everything that is mounted below.
// The last component may not be a symbolic link, and hostPath may not be "/".
func Open(hostPath string) (*Root, error) {
	dirFd, err := openHostDir(hostPath)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dirFd)
	if err := unshareParent(dirFd, strings.Count(hostPath, "/")); err != nil {
		return nil, &fault.Error{Op: "make the mount below the root slave", Path: hostPath, Err: err}
	}
	treeFd, err := cloneTree(dirFd, "", unix.AT_RECURSIVE|unix.AT_EMPTY_PATH)
	if err == nil {
		if err = moveMount(treeFd, dirFd); err != nil {
			unix.Close(treeFd)
		}
	}
	if err != nil {
		return nil, &fault.Error{Op: "mount root", Path: hostPath, Err: err}
	}
	return newRoot(treeFd, hostPath)
}

// OpenTree is Open, or OpenShared, for a directory that init cannot reach itself (F38): treeFd is a detached mount made by
// OpenSource, or the directory. It takes ownership of treeFd; hostPath is for errors only.
//
// The mount goes on top of the root, the one directory that is certainly there. The way to everything else leads past it: a
// path begins at the mount that is the root of the process, not at what lies upon it.
func OpenTree(treeFd int, hostPath string, shared bool) (*Root, error) {
	if shared {
		return newRoot(treeFd, hostPath)
	}
	rootFd, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		if err = unshareParent(rootFd, 0); err == nil {
			err = moveMount(treeFd, rootFd)
		}
		unix.Close(rootFd)
	}
	if err != nil {
		unix.Close(treeFd)
		return nil, &fault.Error{Op: "mount root", Path: hostPath, Err: err}
	}
	return newRoot(treeFd, hostPath)
}

// OpenShared is Open for a container in the mount namespace of the runtime: it mounts nothing, and of the methods only
// Chroot and Close may be used.
func OpenShared(hostPath string) (*Root, error) {
	dirFd, err := openHostDir(hostPath)
	if err != nil {
		return nil, err
	}
	return newRoot(dirFd, hostPath)
}

// newRoot takes ownership of fd.
func newRoot(fd int, hostPath string) (*Root, error) {
	r := &Root{fd: fd, nullFd: -1, emptyFd: -1}
	if err := r.identify(); err != nil {
		unix.Close(fd)
		return nil, &fault.Error{Op: "stat root", Path: hostPath, Err: err}
	}
	return r, nil
}

// identify remembers which directory is the root, so that a target can be told from it.
func (r *Root) identify() error {
	st, err := stat(r.fd)
	r.mntID, r.ino = st.Mnt_id, st.Ino
	return err
}

func openHostDir(hostPath string) (int, error) {
	if hostPath == "/" {
		return -1, &fault.Error{Op: "open root", Path: hostPath, Err: errHostRoot, Hint: "give the container a directory of its own"}
	}
	fd, err := unix.Open(hostPath, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err == nil {
		return fd, nil
	}
	e := &fault.Error{Op: "open root", Path: hostPath, Err: err}
	var st unix.Stat_t
	if err == unix.ENOTDIR && unix.Lstat(hostPath, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
		e.Hint = "it is a symbolic link; name the directory itself"
	}
	return -1, e
}

// unshareParent makes the mount that dirFd lies on slave, if it is shared: what is mounted on it would reach the host, and
// pivot_root(2) demands it. Slave, not private: a bind of the same file system may want to follow the host.
//
// Only the root of a mount can be changed, so it walks up until it finds it, at most depth directories.
func unshareParent(dirFd, depth int) (err error) {
	path := "."
	for range depth + 1 {
		err = unix.MountSetattr(dirFd, path, 0, &unix.MountAttr{Propagation: unix.MS_SLAVE})
		if err != unix.EINVAL {
			break
		}
		path = "../" + path
	}
	return err
}

// Fd is the descriptor of the root directory. It stays the Root's, and is another one after a mount on "/".
func (r *Root) Fd() int { return r.fd }

func (r *Root) paths() safepath.Root { return safepath.Root{Fd: r.fd} }

// Close gives up all descriptors. The mounts stay.
func (r *Root) Close() {
	unix.Close(r.fd)
	if r.nullFd >= 0 {
		unix.Close(r.nullFd)
	}
	if r.emptyFd >= 0 {
		unix.Close(r.emptyFd)
	}
}

// MakeReadonly makes the mount of the root read-only, and none of those on it.
func (r *Root) MakeReadonly() error {
	if err := setAttr(r.fd, 0, step.Attr{Set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return &fault.Error{Op: "make read-only", Path: "/", Err: err}
	}
	return nil
}

// SetPropagation changes the propagation of the root mount, or of the whole tree. It is the last step on mounts.
func (r *Root) SetPropagation(change step.PropagationChange) error {
	if err := setPropagation(r.fd, change); err != nil {
		return &fault.Error{Op: "set propagation of", Path: "/", Err: err}
	}
	return nil
}
