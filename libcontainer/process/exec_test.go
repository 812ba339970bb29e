package process

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

func testBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// elf makes the shortest program that gets as far as its loader: a header, one program header, the loader's name.
func elf(machine uint16, loader string) []byte {
	var b bytes.Buffer
	b.WriteString("\x7fELF\x02\x01\x01")
	b.Write(make([]byte, 9))
	const headerSize, programHeaderSize = 64, 56
	le := binary.LittleEndian
	put := func(v any) { binary.Write(&b, le, v) }
	put(uint16(2)) // ET_EXEC
	put(machine)
	put(uint32(1))
	put(uint64(0))
	put(uint64(headerSize)) // e_phoff
	put(uint64(0))
	put(uint32(0))
	put(uint16(headerSize))
	put(uint16(programHeaderSize))
	put(uint16(1)) // e_phnum
	put([3]uint16{})
	put(uint32(3)) // PT_INTERP
	put(uint32(4))
	put(uint64(headerSize + programHeaderSize))
	put([2]uint64{})
	put(uint64(len(loader) + 1))
	put(uint64(len(loader) + 1))
	put(uint64(1))
	b.WriteString(loader + "\x00")
	return b.Bytes()
}

// E9: every way in which a file that exists cannot be executed has its own explanation. P is the file.
func TestExecErrors(t *testing.T) {
	foreign := uint16(emAArch64)
	if hostMachine() == emAArch64 {
		foreign = emX86_64
	}
	for _, tc := range []struct {
		name    string
		content []byte
		mode    os.FileMode
		want    string
	}{
		{"script without interpreter", []byte("#!/no/shell -x\n"), 0o755, `no such file or directory; the root filesystem lacks the interpreter of the script, "/no/shell"`},
		{"script with CR LF", []byte("#! /bin/sh\r\necho\r\n"), 0o755, `no such file or directory; the first line of the script ends in CR LF, so its interpreter is read as "/bin/sh\r"`},
		{"program without loader", elf(hostMachine(), "/no/ld.so"), 0o755, `no such file or directory; the root filesystem lacks the loader of the program, "/no/ld.so"`},
		{"program of another machine", elf(foreign, "/no/ld.so"), 0o755, "exec format error; the program is built for " + machineName(foreign) + ", this is " + machineName(hostMachine())},
		{"text", []byte("echo hello\n"), 0o755, "exec format error; the file is neither an ELF program nor a script that begins with #!"},
		{"empty", nil, 0o755, "exec format error; the file is neither an ELF program nor a script that begins with #!"},
		{"no x bit", []byte("#!/bin/sh\n"), 0o644, "permission denied; no x bit is set in its mode"},
		{"interpreter not executable", []byte("#!/etc/passwd\n"), 0o755, `permission denied; its interpreter "/etc/passwd" may not be executed`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(file, tc.content, tc.mode); err != nil {
				t.Fatal(err)
			}
			want := `exec: "` + file + `": ` + tc.want
			if got := output(t, helperCommand("exec "+file)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// The explanation reads files of the container: none may block or break it.
func TestInspectHostile(t *testing.T) {
	truncated := elf(hostMachine(), "/x")
	huge := bytes.Clone(truncated)
	binary.LittleEndian.PutUint64(huge[32:], 1<<63) // e_phoff
	long := bytes.Clone(truncated)
	binary.LittleEndian.PutUint64(long[64+32:], 1<<62) // p_filesz
	for name, content := range map[string][]byte{"cut header": truncated[:40], "cut program header": truncated[:70], "huge offset": huge, "huge name": long, "shebang alone": []byte("#!"), "magic alone": []byte("\x7fELF")} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "program")
			if err := os.WriteFile(file, content, 0o755); err != nil {
				t.Fatal(err)
			}
			if p := inspect(file); !p.read || len(p.interpreter) > 4096 {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestExecSucceeds(t *testing.T) {
	got := output(t, helperCommand("exec "+writeScript(t, "#!/bin/sh\necho \"$1:$A:$(env | grep -c TARE_TEST)\"\n")))
	if got != "a b:1:0\n" {
		t.Errorf("the program wrote %q", got)
	}
}

func writeScript(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}
