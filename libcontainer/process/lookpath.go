package process

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// ErrNotInPath has the words by which Docker and Podman tell exit status 127; they end up behind `exec: "name": `.
var ErrNotInPath = errors.New("executable file not found in $PATH")

// defaultPath is searched where the environment has no PATH, as execvp(3) does it.
const defaultPath = "/bin:/usr/bin"

// LookPath finds a program as execvp(3) does, with the PATH of env and the permissions that the calling thread has. A name
// with a slash is not searched for; a relative one starts at the working directory, as does an empty entry of PATH.
//
// A file of this name that may not be executed does not end the search, but is the error where nothing better is found. A
// directory of this name is passed over.
func LookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		if err := executable(name); err != nil {
			return "", lookError(name, name, err)
		}
		return name, nil
	}
	denied, unsearched := "", ""
	if name != "" {
		for dir := range strings.SplitSeq(pathOf(env), ":") {
			file := name
			if dir != "" {
				file = strings.TrimSuffix(dir, "/") + "/" + name
			}
			err := executable(file)
			if err == nil {
				return file, nil
			}
			if err == unix.EACCES && denied == "" {
				denied = file
			}
			if notSearched(err) && unsearched == "" {
				unsearched = dir
			}
		}
	}
	if denied != "" {
		return "", lookError(name, denied, unix.EACCES)
	}
	e := lookError(name, name, ErrNotInPath)
	if unsearched != "" {
		e.Hint = "the user of the process may not search " + quote(unsearched) + ", which is on PATH"
	}
	return "", e
}

// notSearched says whether it was a directory that kept the file from being found.
func notSearched(err error) bool {
	e, ok := err.(*fault.Error)
	return ok && e.Err == unix.EACCES
}

// pathOf returns PATH; of several the last one, as MergeEnv has it.
func pathOf(env []string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if path, ok := strings.CutPrefix(env[i], "PATH="); ok {
			return path
		}
	}
	return defaultPath
}

// executable asks with the effective ids and capabilities (AT_EACCESS; faccessat2(2), Linux 5.8): those are what execve(2)
// uses. For a privileged user the kernel wants at least one x bit, and none helps on a mount with noexec.
func executable(file string) error {
	var st unix.Stat_t
	if err := unix.Stat(file, &st); err != nil {
		return &fault.Error{Op: "stat " + printable(file), Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EISDIR
	}
	return unix.Faccessat2(unix.AT_FDCWD, file, unix.X_OK, unix.AT_EACCESS)
}

// printable quotes a path that would not stay on one line.
func printable(path string) string {
	if quoted := strconv.Quote(path); len(quoted) != len(path)+2 {
		return quoted
	}
	return path
}

// lookError uses the wording that engines know from exec.LookPath: `exec: "name": why`. The colon is part of Op.
func lookError(name, file string, err error) *fault.Error {
	e := &fault.Error{Op: "exec:", Path: name, Err: err}
	if name == "" { // an empty Path is not printed
		e.Op = `exec: ""`
	}
	if err == unix.EACCES {
		e.Hint = deniedHint(file)
	}
	if notSearched(err) {
		e.Hint = "the user of the process may not search a directory of this path"
	}
	return e
}
