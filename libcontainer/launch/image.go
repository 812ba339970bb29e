package launch

import (
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// imageID names the embedded init by its content: the first half of its SHA-256, set by make with -ldflags -X, because
// hashing a megabyte at every create costs more than the rest of the set-up. Empty: no file is kept.
var imageID string

// Image is the executable that becomes init, sealed: nothing that runs in a container can write to the file behind
// /proc/PID/exe (CVE-2019-5736).
type Image struct {
	Fd  int    // to be executed with execveat(AT_EMPTY_PATH); the caller closes it
	Dev uint64 // device and inode of the file: a process whose /proc/PID/exe is this one has not executed its program yet
	Ino uint64
}

// OpenImage seals the image in one of two ways. A privileged caller gets a private read-only mount of the file (one
// system call; Linux 5.12). Where the kernel refuses that, in a user namespace that does not own the mount, the image is
// copied into a sealed memfd, which costs half a millisecond. If neither works there is no container.
//
// dir is the cache directory below the runtime root, made with mode 0700 where missing.
func OpenImage(dir string) (Image, error) {
	fd, err := openExecutable(dir)
	if err != nil {
		return Image{Fd: -1}, err
	}
	defer unix.Close(fd)
	sealed, err := readOnlyMount(fd)
	if err == unix.EPERM || err == unix.EINVAL {
		sealed, err = sealedCopy(fd)
	}
	if err != nil {
		return Image{Fd: -1}, &fault.Error{Op: "seal", Path: "tare-init", Err: err}
	}
	var st unix.Stat_t
	if err := unix.Fstat(sealed, &st); err != nil {
		unix.Close(sealed)
		return Image{Fd: -1}, &fault.Error{Op: "stat", Path: "tare-init", Err: err}
	}
	return Image{Fd: sealed, Dev: st.Dev, Ino: st.Ino}, nil
}

// openExecutable opens the file that init is made from: the cached copy of the embedded init, or our own binary.
func openExecutable(dir string) (int, error) {
	if embedded == "" {
		fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, &fault.Error{Op: "open", Path: "/proc/self/exe", Err: err}
		}
		return fd, nil
	}
	if imageID == "" {
		return memfd([]byte(embedded))
	}
	name := filepath.Join(dir, "init-"+imageID)
	fd, err := openCached(name)
	if err == unix.ENOENT {
		if err = storeCached(dir, name); err == nil {
			fd, err = openCached(name)
		}
	}
	if err != nil {
		return -1, &fault.Error{Op: "open", Path: name, Err: err, Hint: "delete the file, it is made again"}
	}
	return fd, nil
}

// openCached opens the file if it is what storeCached made: ours, whole, not writable, no link.
func openCached(name string) (int, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if st.Mode != unix.S_IFREG|0o500 || int(st.Uid) != unix.Geteuid() || st.Nlink != 1 || st.Size != int64(len(embedded)) {
		unix.Close(fd)
		return -1, fault.Text("not the file that was stored there")
	}
	return fd, nil
}

// storeCached writes the embedded init under a name of its own and renames it, so that nobody sees half of it.
func storeCached(dir, name string) error {
	if err := unix.Mkdir(dir, 0o700); err != nil && err != unix.EEXIST {
		return err
	}
	temporary := name + "." + strconv.Itoa(unix.Getpid())
	fd, err := unix.Open(temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o500)
	if err != nil {
		return err
	}
	err = unix.Fchmod(fd, 0o500) // whatever the umask
	if err == nil {
		err = writeAll(fd, []byte(embedded))
	}
	unix.Close(fd)
	if err == nil {
		err = unix.Rename(temporary, name)
	}
	if err != nil {
		unix.Unlink(temporary)
	}
	return err
}

// readOnlyMount makes a detached mount of one file, read-only, and executable even if the directory is mounted noexec, as
// /run is on Debian.
func readOnlyMount(fd int) (int, error) {
	tree, err := unix.OpenTree(fd, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return -1, err
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID, Attr_clr: unix.MOUNT_ATTR_NOEXEC}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		unix.Close(tree)
		return -1, err
	}
	return tree, nil
}

// sealedCopy copies a file into a memfd that nobody can write to, resize or unseal.
func sealedCopy(fd int) (int, error) {
	if embedded != "" {
		return memfd([]byte(embedded))
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return -1, err
	}
	content, err := unix.Mmap(fd, 0, int(st.Size), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return -1, err
	}
	defer unix.Munmap(content)
	return memfd(content)
}

func memfd(content []byte) (int, error) {
	fd, err := unix.MemfdCreate("tare-init", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if err == unix.EINVAL { // before Linux 6.3 every memfd is executable and the flag is unknown
		fd, err = unix.MemfdCreate("tare-init", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, err
	}
	err = writeAll(fd, content)
	if err == nil {
		const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
