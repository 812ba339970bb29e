package helper

import (
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/helper/protocol"
	"github.com/tare-run/tare/internal/sealed"
)

// maxComplaint bounds the helper's stderr, of which the first line goes into the error.
const maxComplaint = 4 << 10

// run compiles one request: a process that sees the request and nothing else of ours.
func (h Helper) run(kind string, request []byte, cacheDir string, timeout time.Duration) ([]byte, error) {
	if h.id() != protocol.ID(h.Executable) {
		return nil, &fault.Error{
			Op: "run", Path: protocol.Name, Err: fault.Text("helper and description are of different builds"), Hint: "build again",
		}
	}
	imageFd, err := sealed.Embedded(cacheDir, "helper-"+h.id(), h.Executable)
	if err != nil {
		return nil, err
	}
	defer unix.Close(imageFd)
	output, err := execute(imageFd, []string{protocol.Name, kind}, request, timeout)
	if err != nil {
		return nil, &fault.Error{Op: "run", Path: protocol.Name, Err: err}
	}
	return output, nil
}

// execute runs the image and returns what it wrote. Its environment is empty and its directory is "/": what it answers
// depends on the request alone, as the cache assumes.
func execute(imageFd int, args []string, request []byte, timeout time.Duration) ([]byte, error) {
	s, err := newStreams(request)
	defer s.close()
	if err != nil {
		return nil, err
	}
	pidFd := -1
	pid, err := syscall.ForkExec("/proc/self/fd/"+strconv.Itoa(imageFd), args, &syscall.ProcAttr{
		Dir:   "/",
		Files: []uintptr{uintptr(s.stdinFd), uintptr(s.stdoutFd), uintptr(s.stderrFd)},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &pidFd},
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(pidFd)
	status, err := wait(pid, pidFd, time.Now().Add(timeout))
	if err == nil {
		err = statusError(status)
	}
	if err == fault.ErrTimeout {
		return nil, err
	}
	if err != nil {
		complaint, _ := written(s.stderrFd, maxComplaint)
		if line, _, _ := strings.Cut(string(complaint), "\n"); line != "" {
			err = fault.Text(err.Error() + ": " + line)
		}
		return nil, err
	}
	return written(s.stdoutFd, protocol.MaxResponse)
}

// wait waits for the end of the process. At the deadline it is killed, with all that it may have started.
func wait(pid, pidFd int, deadline time.Time) (status unix.WaitStatus, err error) {
	for {
		left := max(time.Until(deadline), 0)
		poll := []unix.PollFd{{Fd: int32(pidFd), Events: unix.POLLIN}}
		n, pollErr := unix.Poll(poll, int((left+time.Millisecond-1)/time.Millisecond))
		if pollErr == unix.EINTR {
			continue
		}
		if err = pollErr; err == nil && n == 0 {
			err = fault.ErrTimeout
		}
		break
	}
	if err != nil {
		unix.Kill(-pid, unix.SIGKILL) // it leads a session, so its process group has its number
	}
	for {
		_, waitErr := unix.Wait4(pid, &status, 0, nil)
		if waitErr == unix.EINTR {
			continue
		}
		if err == nil {
			err = waitErr
		}
		return status, err
	}
}

// statusError returns nil for exit status 0.
func statusError(status unix.WaitStatus) error {
	switch {
	case status.Signaled():
		return fault.Text("killed by " + unix.SignalName(status.Signal()))
	case status.ExitStatus() != 0:
		return fault.Text("exit status " + strconv.Itoa(status.ExitStatus()))
	}
	return nil
}
