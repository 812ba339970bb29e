package proctable

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// The bounds of the host's ps: one that hangs in /proc, or never ends to print, must not hang us.
const (
	psTimeout = 30 * time.Second
	psOutput  = 16 << 20
)

// HostPs runs the host's ps with these options and returns its first line, and those whose PID column holds one of the
// pids.
func HostPs(options []string, pids []int) (string, error) {
	program, err := findPs()
	if err != nil {
		return "", err
	}
	output, err := runPs(program, options)
	if err != nil {
		return "", &fault.Error{Op: "run", Path: program, Err: err, Hint: "the options after the ID are those of the host's ps"}
	}
	return filter(output, pids)
}

// findPs looks where PATH says, and then where ps is on every distribution: engines call with an environment that is
// nearly empty.
func findPs() (string, error) {
	for _, dir := range append(strings.Split(os.Getenv("PATH"), ":"), "/usr/bin", "/bin", "/usr/local/bin") {
		if !strings.HasPrefix(dir, "/") {
			continue // relative to a directory that somebody else may have chosen
		}
		path := dir + "/ps"
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, 0) == nil {
			return path, nil
		}
	}
	return "", &fault.Error{Op: "find", Path: "ps", Err: fault.Text("there is none on this host"), Hint: "without options after the ID none is needed"}
}

// runPs returns what ps writes; a complaint becomes the error.
func runPs(program string, options []string) (string, error) {
	var out [2]int
	if err := unix.Pipe2(out[:], unix.O_CLOEXEC); err != nil {
		return "", err
	}
	defer unix.Close(out[0])
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(out[1])
		return "", err
	}
	pidFd := -1
	pid, err := syscall.ForkExec(program, append([]string{"ps"}, options...), &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: []uintptr{uintptr(null), uintptr(out[1]), uintptr(out[1])},
		Sys:   &syscall.SysProcAttr{PidFD: &pidFd},
	})
	unix.Close(null)
	unix.Close(out[1])
	if err != nil {
		return "", err
	}
	defer unix.Close(pidFd)
	output, err := readPipe(out[0], time.Now().Add(psTimeout))
	if err != nil {
		unix.PidfdSendSignal(pidFd, unix.SIGKILL, nil, 0)
	}
	status := reap(pid)
	switch {
	case err != nil:
		return "", err
	case status.Exited() && status.ExitStatus() == 0:
		return output, nil
	}
	line, _, _ := strings.Cut(strings.TrimSpace(output), "\n")
	if status.Signaled() {
		return "", fault.Text("killed by " + unix.SignalName(status.Signal()))
	}
	return "", fault.Text("status " + strconv.Itoa(status.ExitStatus()) + ": " + printable(line))
}

// readPipe reads to the end, for which there is a deadline.
func readPipe(fd int, deadline time.Time) (string, error) {
	var output []byte
	buf := make([]byte, 32<<10)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return "", fault.ErrTimeout
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
		if err == unix.EINTR || err == nil && n == 0 {
			continue
		}
		if err == nil {
			n, err = unix.Read(fd, buf)
		}
		switch {
		case err == unix.EINTR:
		case err != nil:
			return "", err
		case n == 0:
			return string(output), nil
		case len(output)+n > psOutput:
			return "", unix.EFBIG
		default:
			output = append(output, buf[:n]...)
		}
	}
}

func reap(pid int) (status unix.WaitStatus) {
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}

// filter keeps the head and the lines of these pids. Which column that is, the head says.
func filter(output string, pids []int) (string, error) {
	head, rest, _ := strings.Cut(output, "\n")
	column := slices.Index(strings.Fields(head), "PID")
	if column < 0 {
		return "", &fault.Error{Op: "read the output of", Path: "ps", Err: fault.Text("it has no column PID"), Hint: "choose options that print one"}
	}
	var kept strings.Builder
	kept.WriteString(head + "\n")
	for line := range strings.Lines(rest) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if column >= len(fields) {
			return "", columnError(line)
		}
		pid, err := strconv.Atoi(fields[column])
		if err != nil {
			return "", columnError(line)
		}
		if slices.Contains(pids, pid) {
			kept.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	return kept.String(), nil
}

func columnError(line string) error {
	return &fault.Error{
		Op: "read the output of", Path: "ps", Err: fault.Text("no pid in the column PID of " + strconv.Quote(strings.TrimSuffix(line, "\n"))),
		Hint: "put that column before those that may hold spaces",
	}
}
