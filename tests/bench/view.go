package main

import (
	"errors"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// insideVariable marks the process that already has a mount namespace of its own.
const insideVariable = "TARE_BENCH_INSIDE"

// reexecInside runs this program again in a private mount namespace, as a fresh process: the namespace of a process with
// threads cannot be changed as a whole.
func reexecInside() error {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode()) // it has printed why
	}
	return err
}

// cgroup2Alone makes /sys/fs/cgroup the cgroup2 hierarchy, as on a host without cgroup v1: all runtimes then have the same
// work to do. Controllers that v1 hierarchies hold stay absent, so limits are no part of the measurement.
func cgroup2Alone() error {
	const mountPoint = "/sys/fs/cgroup"
	var fs unix.Statfs_t
	if err := unix.Statfs(mountPoint, &fs); err != nil {
		return &os.PathError{Op: "statfs", Path: mountPoint, Err: err}
	}
	if fs.Type == unix.CGROUP2_SUPER_MAGIC {
		return nil
	}
	if err := unix.Unmount(mountPoint, unix.MNT_DETACH); err != nil {
		return &os.PathError{Op: "umount", Path: mountPoint, Err: err}
	}
	if err := unix.Mount("none", mountPoint, "cgroup2", 0, ""); err != nil {
		return &os.PathError{Op: "mount", Path: mountPoint, Err: err}
	}
	return nil
}
