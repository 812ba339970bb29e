//go:build cgo

package libseccomp

import (
	"io"
	"os"
	"strconv"

	lib "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// export has the library write the program to a memfd. ExportBPFMem would do without, but needs libseccomp 2.6.0, and a
// pipe would block for ever on a program larger than its buffer.
func export(filter *lib.ScmpFilter) ([]byte, error) {
	fd, err := unix.MemfdCreate("filter", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "filter")
	defer file.Close()
	if err := filter.ExportBPF(file); err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(file)
}

// Version is the version of the linked library: "2.5.4".
func Version() string {
	major, minor, micro := lib.GetLibraryVersion()
	format := func(n uint) string { return strconv.FormatUint(uint64(n), 10) }
	return format(major) + "." + format(minor) + "." + format(micro)
}
