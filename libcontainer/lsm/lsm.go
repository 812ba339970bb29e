// Package lsm gives the program its labels: an AppArmor profile, an SELinux context.
//
// Both are written before execve(2) and take effect with it. It owns what is written where, and the question whether the
// kernel has a security module; the procfs is the caller's private one, so that nothing the container has mounted can send a
// label elsewhere (CVE-2019-16884, CVE-2025-52881). Init links it.
package lsm

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// Proc is the procfs to write to; WriteSelf writes to a file of the calling thread.
type Proc interface {
	WriteSelf(name string, data []byte) error
}

// Unconfined is the profile that every kernel has, also one without AppArmor.
const Unconfined = "unconfined"

// AppArmor has the next execve change to a profile. Own says that AppArmor has a directory of its own, since Linux 5.8;
// before that the file is the one of whichever module came first.
func AppArmor(proc Proc, profile string, own bool) error {
	name := "attr/exec"
	if own {
		name = "attr/apparmor/exec"
	}
	err := proc.WriteSelf(name, []byte("exec "+profile))
	if err == nil {
		return nil
	}
	e := &fault.Error{Op: "apparmor", Path: profile, Err: attrError(name, err)}
	if err == unix.ENOENT {
		e.Hint = "the profile is not loaded; apparmor_parser(8) loads it"
	}
	return e
}

// SELinux has the next execve change to a context.
func SELinux(proc Proc, label string) error {
	const name = "attr/exec"
	if err := proc.WriteSelf(name, []byte(label)); err != nil {
		return labelError(name, label, err)
	}
	return nil
}

// KeyLabel labels the keys that the calling thread makes from now on; the empty label is the default again.
func KeyLabel(proc Proc, label string) error {
	const name = "attr/keycreate"
	if label == "" {
		label = "\n" // a write of no bytes does not reach the module
	}
	if err := proc.WriteSelf(name, []byte(label)); err != nil {
		return labelError(name, label, err)
	}
	return nil
}

func labelError(name, label string, err error) error {
	e := &fault.Error{Op: "selinux", Path: label, Err: attrError(name, err)}
	if err == unix.EINVAL {
		e.Hint = "the loaded policy has no such context"
	}
	return e
}

// attr is an errno with the file it came from, in the words and quotes that Podman looks for.
type attr struct {
	file  string
	errno error
}

func attrError(name string, err error) error { return &attr{"/proc/thread-self/" + name, err} }

func (a *attr) Error() string { return "write to `" + a.file + "`: " + a.errno.Error() }
func (a *attr) Unwrap() error { return a.errno }
