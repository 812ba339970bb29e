package bus

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// parseAddress returns the sockets that a server address names: "unix:path=/run/dbus/system_bus_socket,guid=…;unix:…".
// Transports other than Unix sockets are passed over.
func parseAddress(address string) (sockets []*unix.SockaddrUnix, err error) {
	for entry := range strings.SplitSeq(address, ";") {
		options, found := strings.CutPrefix(entry, "unix:")
		if !found {
			continue
		}
		for option := range strings.SplitSeq(options, ",") {
			key, value, _ := strings.Cut(option, "=")
			value, ok := unescape(value)
			switch {
			case !ok:
				return nil, fault.Text("is not a bus address")
			case key == "path" && value != "":
				sockets = append(sockets, &unix.SockaddrUnix{Name: value})
			case key == "abstract" && value != "":
				sockets = append(sockets, &unix.SockaddrUnix{Name: "@" + value})
			}
		}
	}
	if len(sockets) == 0 {
		return nil, fault.Text("is not the address of a Unix socket")
	}
	return sockets, nil
}

// PathAddress is the address of a socket in the file system.
func PathAddress(path string) string {
	var b strings.Builder
	b.WriteString("unix:path=")
	for i := range len(path) {
		if c := path[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_/.\\*", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strconv.FormatUint(uint64(c)+0x100, 16)[1:])
		}
	}
	return b.String()
}

// unescape resolves %XX.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "%")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		if len(after) < 2 {
			return "", false
		}
		n, err := strconv.ParseUint(after[:2], 16, 8)
		if err != nil || n == 0 {
			return "", false
		}
		b.WriteByte(byte(n))
		s = after[2:]
	}
}
