package helper

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/helper/protocol"
)

// streams are the helper's stdin, stdout and stderr: files in memory, so that nobody has to read and write at the same time,
// and none can block.
type streams struct{ stdinFd, stdoutFd, stderrFd int }

// newStreams makes them, with the request on stdin. The caller closes them, after an error too.
func newStreams(request []byte) (s streams, err error) {
	s = streams{-1, -1, -1}
	if s.stdinFd, err = memfd(); err != nil {
		return s, err
	}
	if err = writeAll(s.stdinFd, request); err != nil {
		return s, err
	}
	if _, err = unix.Seek(s.stdinFd, 0, unix.SEEK_SET); err != nil {
		return s, err
	}
	if s.stdoutFd, err = bounded(protocol.MaxResponse); err != nil {
		return s, err
	}
	s.stderrFd, err = bounded(maxComplaint)
	return s, err
}

func (s *streams) close() {
	for _, fd := range []int{s.stdinFd, s.stdoutFd, s.stderrFd} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// bounded makes an empty file that cannot become longer than limit: it is that long from the start and may not grow, so a
// write beyond is EPERM (fcntl(2), F_SEAL_GROW). What was written is told by the offset, which all processes share.
func bounded(limit int64) (int, error) {
	fd, err := memfd()
	if err != nil {
		return -1, err
	}
	err = unix.Ftruncate(fd, limit)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// written returns what a process has written to a bounded file.
func written(fd int, limit int64) ([]byte, error) {
	end, err := unix.Seek(fd, 0, unix.SEEK_CUR)
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(end, limit))
	if _, err := unix.Seek(fd, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	if !readFull(fd, b) {
		return nil, unix.EIO
	}
	return b, nil
}

// memfd makes a file in memory that cannot be executed; before Linux 6.3 the flag that says so is unknown.
func memfd() (int, error) {
	fd, err := unix.MemfdCreate(protocol.Name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL {
		fd, err = unix.MemfdCreate(protocol.Name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return -1, err
	}
	return fd, nil
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// readFull says whether the file had as many bytes as b has room for.
func readFull(fd int, b []byte) bool {
	for len(b) > 0 {
		n, err := unix.Read(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return false
		}
		b = b[n:]
	}
	return true
}
