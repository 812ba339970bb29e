package seccomp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/seccomp/bpf"
	"github.com/tare-run/tare/libcontainer/seccomp/protocol"
)

// A cache file holds one compiled program. Its name is cachePrefix and the key in hexadecimal; its content is
//
//	magic, 8 bytes; it changes with this format and with what this package makes of a profile
//	length of the program, 4 bytes, little-endian
//	SHA-256 of the key followed by all that comes after the sum
//	the program
//	the unknown names, separated by zero bytes
//
// The sum finds damage, and a file that was given another one's name. It is no defence against the owner of the directory:
// who can write there can replace the container's filter, and its config.json as well.
const (
	cacheMagic  = "tareBPF1"
	cachePrefix = "seccomp-"

	sumOffset     = len(cacheMagic) + 4
	contentOffset = sumOffset + sha256.Size
	maxCacheFile  = contentOffset + bpf.MaxProgram + protocol.MaxMessage
)

// cacheEntry is the content of a cache file.
type cacheEntry struct {
	filter  []byte
	unknown []string
}

func cacheName(k key) string { return cachePrefix + hex.EncodeToString(k[:]) }

// loadCached reads a program. A file that is missing, damaged, or not what storeCached leaves there is a miss: the program
// is then compiled and the file replaced. Four system calls.
func loadCached(dir string, k key) (cacheEntry, bool) {
	// O_NONBLOCK: whoever put a FIFO there shall not make us wait.
	fd, err := unix.Open(dir+"/"+cacheName(k), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return cacheEntry{}, false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return cacheEntry{}, false
	}
	if st.Mode != unix.S_IFREG|0o600 || int(st.Uid) != unix.Geteuid() || st.Nlink != 1 ||
		st.Size < int64(contentOffset) || st.Size > int64(maxCacheFile) {
		return cacheEntry{}, false
	}
	content := make([]byte, st.Size)
	for read := 0; read < len(content); {
		n, err := unix.Read(fd, content[read:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return cacheEntry{}, false
		}
		read += n
	}
	return decodeEntry(content, k)
}

// decodeEntry takes the content of a cache file apart, if it is whole and belongs to the key.
func decodeEntry(content []byte, k key) (cacheEntry, bool) {
	if len(content) < contentOffset || string(content[:len(cacheMagic)]) != cacheMagic {
		return cacheEntry{}, false
	}
	size := int64(binary.LittleEndian.Uint32(content[len(cacheMagic):]))
	body := content[contentOffset:]
	if size > int64(len(body)) || !validFilter(body[:size]) {
		return cacheEntry{}, false
	}
	if sum := checksum(k, size, body); string(sum[:]) != string(content[sumOffset:contentOffset]) {
		return cacheEntry{}, false
	}
	entry := cacheEntry{filter: body[:size:size]}
	if names := string(body[size:]); names != "" {
		entry.unknown = strings.Split(names, "\x00")
	}
	return entry, true
}

func encodeEntry(entry cacheEntry, k key) []byte {
	size := len(entry.filter)
	content := make([]byte, contentOffset, contentOffset+size)
	copy(content, cacheMagic)
	binary.LittleEndian.PutUint32(content[len(cacheMagic):], uint32(size))
	content = append(content, entry.filter...)
	content = append(content, strings.Join(entry.unknown, "\x00")...)
	sum := checksum(k, int64(size), content[contentOffset:])
	copy(content[sumOffset:], sum[:])
	return content
}

// checksum covers the length too, so that the border between program and names cannot move.
func checksum(k key, size int64, body []byte) [sha256.Size]byte {
	b := make([]byte, 0, len(k)+8+len(body))
	b = append(b, k[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(size))
	return sha256.Sum256(append(b, body...))
}

// validFilter says whether this can be a program: whole instructions, not more than the kernel takes.
func validFilter(filter []byte) bool {
	return len(filter) > 0 && len(filter)%bpf.InstructionSize == 0 && len(filter) <= bpf.MaxProgram
}
