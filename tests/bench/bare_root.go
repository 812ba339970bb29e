package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// bareConfig is the part of the configuration that the kernel works for, in the arguments of system calls.
type bareConfig struct {
	mounts           []bareMount
	masked, readonly []string
}

type bareMount struct {
	source, target, fstype, data string
	flags                        uintptr
}

// readBareConfig turns the benchmark's configuration into system call arguments, ahead of the measurement.
func readBareConfig() (*bareConfig, error) {
	var config struct {
		Mounts []struct {
			Destination, Type, Source string
			Options                   []string
		}
		Linux struct{ MaskedPaths, ReadonlyPaths []string }
	}
	if err := json.Unmarshal(defaultConfig, &config); err != nil {
		return nil, err
	}
	bare := &bareConfig{masked: config.Linux.MaskedPaths, readonly: config.Linux.ReadonlyPaths}
	flags := map[string]uintptr{
		"nosuid": unix.MS_NOSUID, "noexec": unix.MS_NOEXEC, "nodev": unix.MS_NODEV, "ro": unix.MS_RDONLY,
		"strictatime": unix.MS_STRICTATIME, "relatime": unix.MS_RELATIME,
	}
	for _, m := range config.Mounts {
		out := bareMount{source: m.Source, target: m.Destination, fstype: m.Type}
		if out.fstype == "cgroup" {
			out.fstype = "cgroup2"
		}
		var data []string
		for _, word := range m.Options {
			if flag, ok := flags[word]; ok {
				out.flags |= flag
			} else {
				data = append(data, word)
			}
		}
		out.data = strings.Join(data, ",")
		bare.mounts = append(bare.mounts, out)
	}
	return bare, nil
}

// prepareRoot builds the container's root and makes it "/" of this thread.
func (c *bareConfig) prepareRoot(rootfs string) error {
	steps := bareSteps{}
	steps.mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, "")
	steps.mount(rootfs, rootfs, "", unix.MS_BIND|unix.MS_REC, "")
	for _, m := range c.mounts {
		target := filepath.Join(rootfs, m.target)
		if filepath.Dir(m.target) == "/dev" {
			steps.do("mkdir", target, unix.Mkdir(target, 0o755))
		}
		steps.mount(m.source, target, m.fstype, m.flags, m.data)
	}
	for name, number := range map[string][2]uint32{
		"null": {1, 3}, "zero": {1, 5}, "full": {1, 7}, "random": {1, 8}, "urandom": {1, 9}, "tty": {5, 0},
	} {
		path := filepath.Join(rootfs, "dev", name)
		steps.do("mknod", path, unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(number[0], number[1]))))
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx",
	} {
		path := filepath.Join(rootfs, "dev", name)
		steps.do("symlink", path, unix.Symlink(target, path))
	}
	steps.do("chdir", rootfs, unix.Chdir(rootfs))
	steps.do("pivot_root", rootfs, unix.PivotRoot(".", "."))
	steps.do("umount", ".", unix.Unmount(".", unix.MNT_DETACH))
	for _, path := range c.masked {
		steps.mask(path)
	}
	for _, path := range c.readonly {
		steps.makeReadonly(path)
	}
	steps.mount("", "/", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
	return steps.err
}

// bareSteps remembers the first error of a sequence of system calls.
type bareSteps struct{ err error }

func (s *bareSteps) do(op, path string, err error) {
	if s.err == nil && err != nil {
		s.err = &os.PathError{Op: op, Path: path, Err: err}
	}
}

func (s *bareSteps) mount(source, target, fstype string, flags uintptr, data string) {
	s.do("mount", target, unix.Mount(source, target, fstype, flags, data))
}

// mask hides a file behind /dev/null and a directory behind an empty file system; a missing path needs nothing.
func (s *bareSteps) mask(path string) {
	switch err := unix.Mount("/dev/null", path, "", unix.MS_BIND, ""); err {
	case nil, unix.ENOENT:
	case unix.ENOTDIR:
		s.mount("tmpfs", path, "tmpfs", unix.MS_RDONLY, "nr_blocks=1,nr_inodes=1")
	default:
		s.do("mask", path, err)
	}
}

func (s *bareSteps) makeReadonly(path string) {
	err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, "")
	if err == unix.ENOENT {
		return
	}
	s.do("bind", path, err)
	s.mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
}
