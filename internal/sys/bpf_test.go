package sys

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// returnOne is "r0 = 1; exit": the device filter that allows everything.
func returnOne() []byte {
	var b []byte
	for _, word := range []struct {
		op  byte
		imm uint32
	}{{0xb7, 1}, {0x95, 0}} {
		b = append(b, word.op, 0, 0, 0)
		b = binary.NativeEndian.AppendUint32(b, word.imm)
	}
	return b
}

// scratchCgroup makes a cgroup in whatever unified hierarchy the host has, and removes it at the end.
func scratchCgroup(t *testing.T) (dirFd int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: makes a cgroup and loads a BPF program")
	}
	mount := "/sys/fs/cgroup"
	if _, err := os.Stat(mount + "/cgroup.procs"); err != nil {
		mount += "/unified"
	}
	path, err := os.MkdirTemp(mount, "tare-bpf-")
	if err != nil {
		t.Skipf("no writable cgroup v2 hierarchy: %v", err)
	}
	t.Cleanup(func() { os.Remove(path) })
	dirFd, err = unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(dirFd) })
	return dirFd
}

// H17, H18, H19: load, attach, query, name, replace in one step, detach.
func TestBPFDeviceProgram(t *testing.T) {
	dirFd := scratchCgroup(t)
	load := func(name string) int {
		fd, err := BPFLoad(unix.BPF_PROG_TYPE_CGROUP_DEVICE, name, returnOne())
		if err != nil {
			t.Fatalf("load %s: %v", name, err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	names := func() (list []string) {
		ids, err := BPFQuery(dirFd, unix.BPF_CGROUP_DEVICE)
		if err != nil {
			t.Fatalf("query: %v", err)
		}
		for _, id := range ids {
			fd, err := BPFOpen(id)
			if err != nil {
				t.Fatalf("open %d: %v", id, err)
			}
			name, err := BPFName(fd)
			if err != nil {
				t.Fatalf("name of %d: %v", id, err)
			}
			unix.Close(fd)
			list = append(list, name)
		}
		return list
	}
	want := func(step string, want ...string) {
		t.Helper()
		got := names()
		if len(got) != len(want) {
			t.Fatalf("%s: programs %q, want %q", step, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%s: programs %q, want %q", step, got, want)
			}
		}
	}

	first, second := load("first"), load("second")
	want("fresh")
	if err := BPFAttach(dirFd, first, unix.BPF_CGROUP_DEVICE, unix.BPF_F_ALLOW_MULTI, -1); err != nil {
		t.Fatal(err)
	}
	want("attached", "first")
	err := BPFAttach(dirFd, second, unix.BPF_CGROUP_DEVICE, unix.BPF_F_ALLOW_MULTI|unix.BPF_F_REPLACE, first)
	if err != nil {
		t.Fatal(err)
	}
	want("replaced", "second")
	if err := BPFDetach(dirFd, first, unix.BPF_CGROUP_DEVICE); !errors.Is(err, unix.ENOENT) {
		t.Errorf("detach of a program that is not attached: %v, want ENOENT", err)
	}
	if err := BPFDetach(dirFd, second, unix.BPF_CGROUP_DEVICE); err != nil {
		t.Fatal(err)
	}
	want("detached")
}

func TestBPFLoadRefused(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: loads a BPF program")
	}
	exitOnly := returnOne()[8:] // r0 is never set: the verifier objects
	for name, program := range map[string][]byte{"empty": nil, "no return value": exitOnly} {
		if fd, err := BPFLoad(unix.BPF_PROG_TYPE_CGROUP_DEVICE, "bad", program); err == nil {
			unix.Close(fd)
			t.Errorf("%s: loaded", name)
		}
	}
}
