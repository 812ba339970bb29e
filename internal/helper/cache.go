package helper

import (
	"encoding/binary"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/helper/protocol"
)

// A cache file holds the answer to one job. Its content is
//
//	magic, 8 bytes; it changes with this format
//	length of the key, 4 bytes, little-endian
//	length of the answer, 4 bytes
//	sum of the answer, 8 bytes
//	the key: kind and build of the helper, each followed by a zero byte, then the key of the job
//	the answer
//
// and its name the kind and a sum of the key. Entries are told apart by their whole keys and not by sums, so two with one
// name take each other's place and are never taken for each other: a container with another one's filter is impossible.
// The sums find damage. They are no defence against the owner of the directory: who can write there can replace
// the container's filter, and its config.json as well.
const (
	cacheMagic = "tareHLP1"

	keySizeOffset    = len(cacheMagic)
	answerSizeOffset = keySizeOffset + 4
	sumOffset        = answerSizeOffset + 4
	keyOffset        = sumOffset + 8
)

// entry is the place of one answer in the cache.
type entry struct {
	kind string
	key  []byte
}

func newEntry(kind, helperID string, jobKey []byte) *entry {
	key := make([]byte, 0, len(kind)+len(helperID)+2+len(jobKey))
	key = append(append(key, kind...), 0)
	key = append(append(key, helperID...), 0)
	return &entry{kind: kind, key: append(key, jobKey...)}
}

// prefix is what the names of all entries of one kind begin with.
func prefix(kind string) string { return kind + "-" }

func (e *entry) name() string { return prefix(e.kind) + strconv.FormatUint(protocol.Sum(e.key), 16) }

// load reads the answer. A file that is missing, damaged, or not what store leaves there is a miss: the answer is then made
// again and the file replaced. Four system calls.
func (e *entry) load(dir string) (answer []byte, ok bool) {
	// O_NONBLOCK: whoever put a FIFO there shall not make us wait.
	fd, err := unix.Open(dir+"/"+e.name(), unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, false
	}
	least := int64(keyOffset + len(e.key))
	if st.Mode != unix.S_IFREG|0o600 || int(st.Uid) != unix.Geteuid() || st.Nlink != 1 ||
		st.Size < least || st.Size > least+protocol.MaxAnswer {
		return nil, false
	}
	content := make([]byte, st.Size)
	if !readFull(fd, content) {
		return nil, false
	}
	return e.decode(content)
}

// decode takes the content of a cache file apart, if it is whole and belongs to the entry.
func (e *entry) decode(content []byte) (answer []byte, ok bool) {
	if len(content) < keyOffset || string(content[:keySizeOffset]) != cacheMagic {
		return nil, false
	}
	keySize := uint64(binary.LittleEndian.Uint32(content[keySizeOffset:]))
	answerSize := uint64(binary.LittleEndian.Uint32(content[answerSizeOffset:]))
	if keySize != uint64(len(e.key)) || keySize+answerSize != uint64(len(content)-keyOffset) {
		return nil, false
	}
	key, answer := content[keyOffset:][:keySize], content[keyOffset:][keySize:]
	if string(key) != string(e.key) || binary.LittleEndian.Uint64(content[sumOffset:]) != protocol.Sum(answer) {
		return nil, false
	}
	return answer, true
}

func (e *entry) encode(answer []byte) []byte {
	content := make([]byte, 0, keyOffset+len(e.key)+len(answer))
	content = append(content, cacheMagic...)
	content = binary.LittleEndian.AppendUint32(content, uint32(len(e.key)))
	content = binary.LittleEndian.AppendUint32(content, uint32(len(answer)))
	content = binary.LittleEndian.AppendUint64(content, protocol.Sum(answer))
	content = append(content, e.key...)
	return append(content, answer...)
}
