package engines

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// directory makes an empty directory for the operation.
func (e *engine) directory(name string) string {
	dir, err := os.MkdirTemp(workspace, name)
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	must2(e, err)
	return dir
}

// file writes a file for the operation.
func (e *engine) file(name, content string) string {
	path := filepath.Join(e.directory("files"), name)
	must2(e, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// terminal runs a command on a new terminal, types something, and returns what there was to see.
func (e *engine) terminal(typed string, args ...string) string {
	master, slave, err := openTerminal()
	must2(e, err)
	defer master.Close()
	line := e.line(args)
	c := exec.Command(line[0], line[1:]...)
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	c.Dir, c.Env = workspace, append(os.Environ(), e.env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must2(e, c.Start())
	slave.Close()
	timeout := time.AfterFunc(commandTimeout, func() { c.Process.Kill() })
	defer timeout.Stop()
	_, err = master.WriteString(typed)
	must2(e, err)
	seen, err := io.ReadAll(master)
	if err != nil && !errors.Is(err, unix.EIO) { // EIO: the other end is closed
		e.fail("%v", err)
	}
	_ = c.Wait() // what there is to see counts
	return string(seen)
}

func openTerminal() (master, slave *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	master = os.NewFile(uintptr(fd), "/dev/ptmx")
	if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	size := unix.Winsize{Row: 24, Col: 80}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
		return nil, nil, errno
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	return master, slave, err
}
