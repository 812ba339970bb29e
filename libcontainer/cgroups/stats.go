package cgroups

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/stats"
)

// Stats reads what the kernel counts for the cgroup. A controller is asked where it is; pressure and CPU time are counted
// by the unified hierarchy even where all controllers are in v1.
func (m *Manager) Stats() (*stats.Stats, error) {
	sources := stats.Sources{V1: map[string]stats.Files{}, V2: map[string]stats.Files{}}
	for _, h := range m.hierarchies {
		if _, err := h.open(); err != nil { // else every file would look like one that the kernel does not have
			return nil, err
		}
		controllers, to := h.controllers, sources.V1
		if h.isUnified() {
			enabled, err := h.read("cgroup.controllers")
			if err != nil {
				return nil, err
			}
			sources.Unified = h.statFile
			controllers, to = strings.Fields(enabled), sources.V2
		}
		for _, controller := range controllers {
			to[controller] = h.statFile
		}
		if slices.Contains(controllers, "hugetlb") {
			sizes, err := h.pageSizes()
			if err != nil {
				return nil, err
			}
			sources.PageSizes = sizes
		}
	}
	return stats.Read(sources)
}

// statFile reads a file of any length: memory.stat and io.stat may be longer than a page.
func (d *directory) statFile(name string) (string, error) {
	fd, err := d.openFile(name, unix.O_RDONLY)
	if err != nil {
		return "", d.fileError("read", name, err)
	}
	defer unix.Close(fd)
	text, err := readList(fd)
	if err != nil {
		return "", d.fileError("read", name, err)
	}
	return text, nil
}

// pageSizes returns the sizes of huge pages that the cgroup has files for: "2MB" of hugetlb.2MB.max.
func (d *directory) pageSizes() (sizes []string, err error) {
	fd, err := openat2(d.dirFd, ".", unix.O_RDONLY|unix.O_DIRECTORY, resolve)
	if err != nil {
		return nil, &fault.Error{Op: "list", Path: d.path, Err: err}
	}
	file := os.NewFile(uintptr(fd), d.path)
	defer file.Close()
	names, err := file.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, "hugetlb."); ok {
			size, _, _ := strings.Cut(rest, ".")
			sizes = append(sizes, size)
		}
	}
	slices.Sort(sizes)
	return slices.Compact(sizes), nil
}
