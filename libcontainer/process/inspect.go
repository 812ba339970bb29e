package process

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// program is what the first bytes of an executable file say. It serves explanations only: where the file cannot be read or
// understood, fields stay zero.
type program struct {
	read        bool
	script      bool
	machine     uint16 // e_machine of an ELF file
	interpreter string // of a script, or PT_INTERP
}

// inspect reads the head of a file. O_NONBLOCK keeps a FIFO from blocking it.
func inspect(path string) program {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return program{}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return program{}
	}
	var head [256]byte // BINPRM_BUF_SIZE: the kernel looks at no more of a script either
	n, err := unix.Pread(fd, head[:], 0)
	if err != nil {
		return program{}
	}
	switch b := head[:n]; {
	case bytes.HasPrefix(b, []byte("#!")):
		return program{read: true, script: true, interpreter: scriptInterpreter(b)}
	case bytes.HasPrefix(b, []byte("\x7fELF")):
		return inspectELF(fd, b)
	}
	return program{read: true}
}

// scriptInterpreter returns the first word after "#!" (execve(2), "Interpreter scripts").
func scriptInterpreter(head []byte) string {
	line, _, _ := bytes.Cut(head[2:], []byte("\n"))
	word, _, _ := bytes.Cut(bytes.TrimLeft(line, " \t"), []byte(" "))
	word, _, _ = bytes.Cut(word, []byte("\t"))
	return string(word)
}

// inspectELF reads the machine and the program header PT_INTERP (elf(5)). The two classes differ in where fields are.
func inspectELF(fd int, head []byte) program {
	p := program{read: true}
	if len(head) < 64 {
		return p
	}
	var order binary.ByteOrder = binary.LittleEndian
	if head[5] == 2 { // EI_DATA: ELFDATA2MSB
		order = binary.BigEndian
	}
	p.machine = order.Uint16(head[18:])
	var offset int64
	var size, count int
	is64 := head[4] == 2 // EI_CLASS: ELFCLASS64
	if is64 {
		offset, size, count = int64(order.Uint64(head[32:])), int(order.Uint16(head[54:])), int(order.Uint16(head[56:]))
	} else {
		offset, size, count = int64(order.Uint32(head[28:])), int(order.Uint16(head[42:])), int(order.Uint16(head[44:]))
	}
	const ptInterp, most = 3, 64
	for i := range min(count, most) {
		var header [56]byte
		n, err := unix.Pread(fd, header[:], offset+int64(i*size))
		if err != nil || n < 32 {
			return p
		}
		if order.Uint32(header[:]) != ptInterp {
			continue
		}
		if is64 {
			p.interpreter = readString(fd, int64(order.Uint64(header[8:])), order.Uint64(header[32:]))
		} else {
			p.interpreter = readString(fd, int64(order.Uint32(header[4:])), uint64(order.Uint32(header[16:])))
		}
		return p
	}
	return p
}

// readString reads a NUL-terminated string of at most size bytes.
func readString(fd int, offset int64, size uint64) string {
	var buf [unix.PathMax]byte
	n, err := unix.Pread(fd, buf[:min(size, uint64(len(buf)))], offset)
	if err != nil {
		return ""
	}
	s, _, _ := strings.Cut(string(buf[:n]), "\x00")
	return s
}

func quote(s string) string { return strconv.Quote(s) }

// Values of e_machine (elf.h, EM_*).
const (
	em386       = 3
	emPPC64     = 21
	emS390      = 22
	emARM       = 40
	emX86_64    = 62
	emAArch64   = 183
	emRISCV     = 243
	emLoongArch = 258
)

func hostMachine() uint16 {
	switch runtime.GOARCH {
	case "386":
		return em386
	case "amd64":
		return emX86_64
	case "arm":
		return emARM
	case "arm64":
		return emAArch64
	case "loong64":
		return emLoongArch
	case "ppc64", "ppc64le":
		return emPPC64
	case "riscv64":
		return emRISCV
	case "s390x":
		return emS390
	}
	return 0
}

func machineName(machine uint16) string {
	switch machine {
	case em386:
		return "x86 (32 bit)"
	case emPPC64:
		return "ppc64"
	case emS390:
		return "s390x"
	case emARM:
		return "arm (32 bit)"
	case emX86_64:
		return "x86_64"
	case emAArch64:
		return "aarch64"
	case emRISCV:
		return "riscv"
	case emLoongArch:
		return "loongarch"
	}
	return "ELF machine " + utoa(uint32(machine))
}
