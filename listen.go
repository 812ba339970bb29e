package main

import (
	"os"
	"strconv"

	"github.com/tare-run/tare/internal/fault"
)

// preserveFDs checks --preserve-fds and adds the descriptors that a service manager passed to this process
// (sd_listen_fds(3)); the program learns of those by the same variables.
func preserveFDs(preserve *int, env *[]string) error {
	if *preserve < 0 {
		return &fault.Error{Op: "--preserve-fds", Path: strconv.Itoa(*preserve), Err: fault.Text("is negative")}
	}
	n, err := listenFDs(os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_PID"), os.Getpid())
	if err != nil || n == 0 {
		return err
	}
	*preserve += n
	// The pid is a place to write to: init puts its own there, as its namespace has it.
	*env = []string{"LISTEN_FDS=" + strconv.Itoa(n), "LISTEN_PID=1"}
	if names := os.Getenv("LISTEN_FDNAMES"); names != "" {
		*env = append(*env, "LISTEN_FDNAMES="+names)
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
