package main

import (
	"os"
	"strconv"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer"
)

// preserveFDs checks --preserve-fds and adds the descriptors that a service manager passed to this process
// (sd_listen_fds(3)); the program learns of those by the same variables.
func preserveFDs(o *libcontainer.CreateOptions) error {
	if o.PreserveFDs < 0 {
		return &fault.Error{Op: "--preserve-fds", Path: strconv.Itoa(o.PreserveFDs), Err: fault.Text("is negative")}
	}
	n, err := listenFDs(os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_PID"), os.Getpid())
	if err != nil || n == 0 {
		return err
	}
	o.PreserveFDs += n
	// The pid is a place to write to: init puts its own there, as its namespace has it.
	o.Env = []string{"LISTEN_FDS=" + strconv.Itoa(n), "LISTEN_PID=1"}
	if names := os.Getenv("LISTEN_FDNAMES"); names != "" {
		o.Env = append(o.Env, "LISTEN_FDNAMES="+names)
	}
	return nil
}

// listenFDs reads the protocol of socket activation. Variables that name another process were inherited by accident and
// mean nothing; conmon rewrites LISTEN_PID to the pid of the runtime, and some callers leave it out.
func listenFDs(fds, listenPid string, pid int) (int, error) {
	if fds == "" || (listenPid != "" && listenPid != strconv.Itoa(pid)) {
		return 0, nil
	}
	n, err := strconv.ParseUint(fds, 10, 16)
	if err != nil {
		return 0, &fault.Error{Op: "environment variable LISTEN_FDS", Path: fds, Err: fault.Text("is not a number of descriptors")}
	}
	return int(n), nil
}
