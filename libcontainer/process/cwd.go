package process

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// openDir opens a directory of the container, as a handle only. Magic links are refused: /proc/self/fd/N would be whatever
// the runtime has open at N (CVE-2024-21626).
func openDir(dirFd int, name string) (int, error) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	for {
		fd, err := unix.Openat2(dirFd, name, &how)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// MakeCwd makes the working directory where it is missing, mode 0755, and enters it with the permissions that init still
// has: images commonly have a directory of root's as working directory of another user. Where only the other user may
// enter (a FUSE mount, NFS with root squashing) that is left to Cwd. With existing, a missing directory is an error.
//
// Precondition: "/" is the root of the container.
func MakeCwd(path string, existing bool) error {
	op := "chdir"
	fd, err := openDir(unix.AT_FDCWD, path)
	if err == unix.ENOENT && !existing {
		op = "mkdir"
		fd, err = mkdirAll(path)
	}
	if err == unix.EACCES {
		return nil
	}
	if err != nil {
		return cwdError(op, path, err)
	}
	defer unix.Close(fd)
	if err := unix.Fchdir(fd); err != nil && err != unix.EACCES {
		return cwdError("chdir", path, err)
	}
	return nil
}

// mkdirAll walks down from "/", making what is missing, and returns a handle on the last directory. Links are followed as
// the container sees them; one that leads nowhere is an error.
func mkdirAll(path string) (fd int, err error) {
	fd, err = openDir(unix.AT_FDCWD, "/")
	if err != nil {
		return -1, err
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		next, err := openDir(fd, name)
		if err == unix.ENOENT {
			if err = unix.Mkdirat(fd, name, 0o755); err == nil || err == unix.EEXIST {
				next, err = openDir(fd, name)
			}
		}
		unix.Close(fd)
		if err != nil {
			return -1, err
		}
		fd = next
	}
	return fd, nil
}

// Cwd enters the working directory as the container's user, and verifies that it lies inside the root. Where the user may
// not enter, the directory that MakeCwd has entered stays.
//
// Precondition: the working directory is "/" unless MakeCwd has entered another one.
func Cwd(path string) error {
	err := enter(path)
	if err == unix.EACCES {
		where, e := inside()
		if e != nil {
			return cwdError("getcwd", path, e)
		}
		if where == "/" {
			return cwdError("chdir", path, err)
		}
		return nil
	}
	if err != nil {
		return cwdError("chdir", path, err)
	}
	if _, err := inside(); err != nil {
		return cwdError("getcwd", path, err)
	}
	return nil
}

func enter(path string) error {
	fd, err := openDir(unix.AT_FDCWD, path)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Fchdir(fd)
}

// inside returns the working directory as the kernel sees it from the root of the process. Outside of the root it has the
// prefix "(unreachable)" (getcwd(2), NOTES), which means that a descriptor of the host has leaked; a removed directory is
// ENOENT.
func inside() (string, error) {
	var buf [unix.PathMax]byte
	n, err := unix.Getcwd(buf[:])
	if err != nil {
		return "", err
	}
	where := string(buf[:max(n-1, 0)]) // without the NUL
	if !strings.HasPrefix(where, "/") {
		return "", errOutside
	}
	return where, nil
}

var errOutside = fault.Text("the working directory is outside of the container's root")

func cwdError(op, path string, err error) error {
	e := &fault.Error{Op: op, Path: path, Err: err}
	switch {
	case err == unix.ELOOP:
		e.Hint = "a working directory may not lead through a descriptor link of /proc, or a loop of links"
	case err == unix.ENOENT && op == "getcwd":
		e.Hint = "the directory has been removed since create"
	}
	return e
}
