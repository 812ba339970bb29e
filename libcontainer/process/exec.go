package process

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Exec becomes the program at path, which LookPath has found. It returns only to say why not; the kernel's errno is about
// the file named, even when it means an interpreter, so the hint says which.
func Exec(path string, args, env []string) error {
	err := unix.Exec(path, args, env)
	e := &fault.Error{Op: "exec:", Path: path, Err: err}
	switch err {
	case unix.ENOENT:
		e.Hint = missingHint(path)
	case unix.ENOEXEC:
		e.Hint = formatHint(path)
	case unix.EACCES:
		e.Hint = deniedHint(path)
	case unix.E2BIG:
		e.Hint = "arguments and environment together are longer than the kernel allows (execve(2))"
	}
	return e
}

// missingHint explains ENOENT for a file that exists.
func missingHint(path string) string {
	p := inspect(path)
	switch {
	case p.interpreter == "" || unix.Access(p.interpreter, unix.F_OK) == nil:
		return ""
	case p.script && strings.HasSuffix(p.interpreter, "\r"):
		return "the first line of the script ends in CR LF, so its interpreter is read as " + quote(p.interpreter)
	case p.script:
		return "the root filesystem lacks the interpreter of the script, " + quote(p.interpreter)
	}
	return "the root filesystem lacks the loader of the program, " + quote(p.interpreter)
}

// formatHint explains ENOEXEC.
func formatHint(path string) string {
	p := inspect(path)
	switch {
	case p.machine != 0 && p.machine != hostMachine():
		return "the program is built for " + machineName(p.machine) + ", this is " + machineName(hostMachine())
	case p.machine == 0 && p.read && !p.script:
		return "the file is neither an ELF program nor a script that begins with #!"
	}
	return ""
}

// deniedHint explains EACCES for a file that exists.
func deniedHint(path string) string {
	var fs unix.Statfs_t
	if unix.Statfs(path, &fs) == nil && fs.Flags&unix.ST_NOEXEC != 0 {
		return "the filesystem it lies on is mounted noexec"
	}
	var st unix.Stat_t
	if unix.Stat(path, &st) == nil && st.Mode&0o111 == 0 {
		return "no x bit is set in its mode"
	}
	if p := inspect(path); p.interpreter != "" && executable(p.interpreter) == unix.EACCES {
		return "its interpreter " + quote(p.interpreter) + " may not be executed"
	}
	return ""
}
