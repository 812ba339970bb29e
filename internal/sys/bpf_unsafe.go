package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Thin wrappers of bpf(2): just the five commands that a cgroup device filter needs. A loader library would add a quarter
// of a millisecond to the start of each process, whether it loads a program or not.

// attrSize is what the kernel is told about the size of union bpf_attr, larger than any kernel's. Linux 6.17 to 7.1 write
// query.revision at its offset even when the caller's union ends before it, so a short one would be overrun. A kernel with
// a smaller union accepts a longer one whose tail is zero (bpf_check_uarg_tail_zero).
const attrSize = 256

// maxCgroupProgs is BPF_CGROUP_MAX_PROGS: no cgroup has more programs of one attach type.
const maxCgroupProgs = 64

// loadAttempts bounds how often BPF_PROG_LOAD is repeated: the verifier returns EAGAIN when a signal is pending, and the
// Go scheduler sends SIGURG freely.
const loadAttempts = 10

// The structs below hold real pointers where the kernel has __aligned_u64, so that the garbage collector sees them.
// That is the same layout on 64-bit machines only; this line does not compile elsewhere.
const _ = uint(unsafe.Sizeof(uintptr(0)) - 8)

type loadAttr struct {
	progType, count  uint32
	instructions     unsafe.Pointer
	license          unsafe.Pointer
	logLevel, logLen uint32
	log              uint64
	kernVersion      uint32
	flags            uint32
	name             [unix.BPF_OBJ_NAME_LEN]byte
	_                [attrSize - 64]byte
}

type attachAttr struct {
	targetFd, progFd, attachType, flags, replaceFd uint32
	_                                              [attrSize - 20]byte
}

type queryAttr struct {
	targetFd, attachType, queryFlags, attachFlags uint32
	ids                                           unsafe.Pointer
	count                                         uint32
	_                                             [attrSize - 28]byte
}

type infoAttr struct {
	progFd, length uint32
	info           unsafe.Pointer
	_              [attrSize - 16]byte
}

type idAttr struct {
	id uint32
	_  [attrSize - 4]byte
}

// progInfo is the head of struct bpf_prog_info, up to the name (Linux 4.15).
type progInfo struct {
	_    [64]byte
	name [unix.BPF_OBJ_NAME_LEN]byte
}

func bpf(cmd uintptr, attr unsafe.Pointer) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_BPF, cmd, uintptr(attr), attrSize)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// BPFLoad loads a program of type BPF_PROG_TYPE_* and returns its descriptor. instructions is an array of struct bpf_insn;
// name is what bpftool shows, at most 15 letters, digits, dots and underscores. The kernel makes the descriptor close-on-exec.
func BPFLoad(progType uint32, name string, instructions []byte) (progFd int, err error) {
	if len(instructions) == 0 {
		return -1, unix.EINVAL
	}
	license := append([]byte("Apache-2.0"), 0)
	attr := loadAttr{
		progType:     progType,
		count:        uint32(len(instructions) / 8),
		instructions: unsafe.Pointer(&instructions[0]),
		license:      unsafe.Pointer(&license[0]),
	}
	copy(attr.name[:unix.BPF_OBJ_NAME_LEN-1], name)
	for range loadAttempts {
		progFd, err = bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr))
		if err != unix.EAGAIN {
			break
		}
	}
	return progFd, err
}

// BPFAttach attaches a program to a cgroup. With BPF_F_REPLACE in flags it takes the place of the program replaceFd in one
// step (Linux 5.6); otherwise replaceFd is not looked at.
func BPFAttach(cgroupFd, progFd int, attachType, flags uint32, replaceFd int) error {
	attr := attachAttr{targetFd: uint32(cgroupFd), progFd: uint32(progFd), attachType: attachType, flags: flags}
	if flags&unix.BPF_F_REPLACE != 0 {
		attr.replaceFd = uint32(replaceFd)
	}
	_, err := bpf(unix.BPF_PROG_ATTACH, unsafe.Pointer(&attr))
	return err
}

// BPFDetach detaches a program from a cgroup.
func BPFDetach(cgroupFd, progFd int, attachType uint32) error {
	attr := attachAttr{targetFd: uint32(cgroupFd), progFd: uint32(progFd), attachType: attachType}
	_, err := bpf(unix.BPF_PROG_DETACH, unsafe.Pointer(&attr))
	return err
}

// BPFQuery returns the ids of the programs attached to a cgroup itself, not those of its ancestors.
func BPFQuery(cgroupFd int, attachType uint32) ([]uint32, error) {
	ids := make([]uint32, maxCgroupProgs)
	attr := queryAttr{
		targetFd:   uint32(cgroupFd),
		attachType: attachType,
		ids:        unsafe.Pointer(&ids[0]),
		count:      maxCgroupProgs,
	}
	if _, err := bpf(unix.BPF_PROG_QUERY, unsafe.Pointer(&attr)); err != nil {
		return nil, err
	}
	return ids[:min(attr.count, maxCgroupProgs)], nil
}

// BPFOpen returns a descriptor of the program with this id.
func BPFOpen(id uint32) (progFd int, err error) {
	attr := idAttr{id: id}
	return bpf(unix.BPF_PROG_GET_FD_BY_ID, unsafe.Pointer(&attr))
}

// BPFName returns the name that a program was loaded with.
func BPFName(progFd int) (string, error) {
	var info progInfo
	attr := infoAttr{progFd: uint32(progFd), length: uint32(unsafe.Sizeof(info)), info: unsafe.Pointer(&info)}
	if _, err := bpf(unix.BPF_OBJ_GET_INFO_BY_FD, unsafe.Pointer(&attr)); err != nil {
		return "", err
	}
	return unix.ByteSliceToString(info.name[:]), nil
}

// Every attribute struct has the one size that bpf announces.
var (
	_ [attrSize]byte = [unsafe.Sizeof(loadAttr{})]byte{}
	_ [attrSize]byte = [unsafe.Sizeof(attachAttr{})]byte{}
	_ [attrSize]byte = [unsafe.Sizeof(queryAttr{})]byte{}
	_ [attrSize]byte = [unsafe.Sizeof(infoAttr{})]byte{}
	_ [attrSize]byte = [unsafe.Sizeof(idAttr{})]byte{}
)
