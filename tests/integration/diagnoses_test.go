package integration

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"runtime"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// elfProgram is the shortest program that the kernel looks for a loader for.
func elfProgram(t *testing.T, machine elf.Machine, loader string) string {
	t.Helper()
	const headerSize, programSize = 64, 56
	var b bytes.Buffer
	header := elf.Header64{
		Ident:   [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:    uint16(elf.ET_EXEC),
		Machine: uint16(machine), Version: 1, Phoff: headerSize, Ehsize: headerSize, Phentsize: programSize, Phnum: 1,
	}
	size := uint64(len(loader) + 1)
	must(t, binary.Write(&b, binary.LittleEndian, header))
	must(t, binary.Write(&b, binary.LittleEndian, elf.Prog64{
		Type: uint32(elf.PT_INTERP), Flags: uint32(elf.PF_R), Off: headerSize + programSize, Filesz: size, Memsz: size, Align: 1,
	}))
	return b.String() + loader + "\x00"
}

// machines are this one and another.
func machines() (ours, foreign elf.Machine) {
	if runtime.GOARCH == "arm64" {
		return elf.EM_AARCH64, elf.EM_X86_64
	}
	return elf.EM_X86_64, elf.EM_AARCH64
}

// E9 D20 B13: why a program that is there cannot run is told apart, alike for a container and for an exec, behind the words by
// which engines choose the exit status.
func TestDiagnoses(t *testing.T) {
	requireRoot(t)
	ours, foreign := machines()
	for _, row := range []struct {
		name, program, content string
		words                  []string
	}{
		{"nothing there", "/nosuch", "", []string{"stat /nosuch: no such file or directory"}},
		{"no loader", "/program", elfProgram(t, ours, "/lib/none.so"), []string{"no such file or directory; ", "lacks the loader", `"/lib/none.so"`}},
		{"no interpreter", "/program", "#!/bin/none -x\n", []string{"no such file or directory; ", "lacks the interpreter", `"/bin/none"`}},
		{"CR LF", "/program", "#!/bin/sh\r\n", []string{"no such file or directory; ", "CR LF"}},
		{"another machine", "/program", elfProgram(t, foreign, "/lib/none.so"), []string{"exec format error; ", "is built for"}},
		{"no format", "/program", "echo\n", []string{"exec format error; ", "neither an ELF program nor a script"}},
		{"noexec", "/noexec/program", "", []string{"permission denied; ", "mounted noexec"}},
		{"directory on PATH", "hidden", "", []string{"executable file not found in $PATH; ", `may not search "/closed"`}},
		{"directory of the path", "/closed/hidden", "", []string{"stat /closed/hidden: permission denied; ", "may not search a directory"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBundle(t, withUser(1000, 1000), withProcess(func(p *specs.Process) { p.Env = []string{"PATH=/closed:/bin"} }))
			source := b.directory("source")
			must(t, os.WriteFile(source+"/program", []byte("#!/bin/sh\n"), 0o755))
			withMount(specs.Mount{Destination: "/noexec", Type: "bind", Source: source, Options: []string{"bind", "noexec"}})(b.spec)
			if row.content != "" {
				b.file(row.program, row.content)
			}
			b.file("closed/hidden", "#!/bin/sh\n")
			must(t, unix.Chmod(b.path("closed"), 0o700))
			b.create().start()
			b.exec(nil, row.program).refuses(append(row.words, "exec: ")...)
			b.stop()
			b.try("delete").succeeds()
			b.spec.Process.Args = []string{row.program}
			b.try("run").fails(append(row.words, "config.json /process/args/0: exec: ")...)
		})
	}
}
