package helper

import (
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// maxEntries bounds the entries of one kind in the cache, which usually lies in memory (/run). There are as many as inputs in
// use: an engine has one or two seccomp profiles, a cluster that makes one for each workload dozens.
const maxEntries = 128

// store keeps an answer for the next container. It writes a file of its own and renames it, so that nobody reads half of one
// and a damaged one is replaced.
func (e *entry) store(dir string, answer []byte) error {
	d, err := openCacheDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	temporary, err := writeTemporary(dir, e.name()+".*", e.encode(answer))
	if err != nil {
		return &fault.Error{Op: "store", Path: dir, Err: err}
	}
	if err := unix.Rename(temporary, dir+"/"+e.name()); err != nil {
		unix.Unlink(temporary)
		return &fault.Error{Op: "rename", Path: temporary, Err: err}
	}
	return evict(d, prefix(e.kind), maxEntries)
}

// openCacheDir opens the directory, made where missing, if only we can write to it.
func openCacheDir(dir string) (*os.File, error) {
	if err := unix.Mkdir(dir, 0o700); err != nil && err != unix.EEXIST {
		return nil, &fault.Error{Op: "mkdir", Path: dir, Err: err}
	}
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fault.Error{Op: "open", Path: dir, Err: err}
	}
	d := os.NewFile(uintptr(fd), dir)
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if err == nil && (int(st.Uid) != unix.Geteuid() || st.Mode&0o077 != 0) {
		err = fault.Text("is no directory of our own, or is open to others")
	}
	if err != nil {
		d.Close()
		return nil, &fault.Error{Op: "cache", Path: dir, Err: err, Hint: "remove it, it is made again with mode 0700"}
	}
	return d, nil
}

// writeTemporary writes a new file and returns its path.
func writeTemporary(dir, pattern string, content []byte) (string, error) {
	file, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return "", err
	}
	err = file.Chmod(0o600) // whatever the umask: load insists on it
	if err == nil {
		_, err = file.Write(content)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		unix.Unlink(file.Name())
	}
	return file.Name(), err
}

// evict removes the oldest files with a prefix until at most limit are left; those of processes that died while writing are
// among them. Other kinds, and other packages, keep files in the same directory.
func evict(d *os.File, prefix string, limit int) error {
	names, err := d.Readdirnames(-1)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
	if len(names) <= limit {
		return nil
	}
	written := func(name string) time.Time {
		var st unix.Stat_t
		if err := unix.Fstatat(int(d.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return time.Time{} // just removed by another process
		}
		return time.Unix(st.Mtim.Unix())
	}
	ages := make(map[string]time.Time, len(names))
	for _, name := range names {
		ages[name] = written(name)
	}
	slices.SortFunc(names, func(a, b string) int { return ages[a].Compare(ages[b]) })
	for _, name := range names[:len(names)-limit] {
		if err := unix.Unlinkat(int(d.Fd()), name, 0); err != nil && err != unix.ENOENT {
			return &fault.Error{Op: "unlink", Path: d.Name() + "/" + name, Err: err}
		}
	}
	return nil
}
