package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What must not be left. Tests do not run in parallel, so every process, mount and directory that appears is theirs.

var (
	mountsBefore []string
	inits        = map[int]bool{} // the init processes that may be alive
)

// teardown removes the container, whatever the test left it in, and after the last one looks for everything that could have
// been forgotten.
func (b *bundle) teardown() {
	defer reapExecs()()
	invoke(b.t, invocation{args: []string{"delete", "--force", b.id}}).succeeds()
	if b.pid != 0 {
		delete(inits, b.pid)
	}
	b.gone = true
	bundles.alive--
	if bundles.alive == 0 {
		clear(inits)
	}
	b.nothingLeft()
	if err := os.RemoveAll(b.dir); err != nil {
		b.t.Errorf("remove the bundle: %v", err)
	}
}

// nothingLeft demands that the host is as if the container had never been attempted.
func (b *bundle) nothingLeft() {
	b.t.Helper()
	others := bundles.alive
	if !b.gone {
		others--
	}
	if left := leftProcesses(); len(left) > 0 {
		b.t.Errorf("processes are left: %q", left)
	}
	if entry := filepath.Join(stateRoot(), b.id); exists(entry) {
		b.t.Errorf("%s is left: %q", entry, names(b.t, entry))
	}
	if others == 0 {
		left := slices.DeleteFunc(names(b.t, stateRoot()), func(name string) bool { return name == ".cache" })
		if len(left) > 0 {
			b.t.Errorf("state directories are left: %q", left)
		}
	}
	if left := b.cgroups(); len(left) > 0 {
		b.t.Errorf("cgroups are left: %q", left)
	}
	if others == 0 { // a test may mount something for several containers
		b.mountsUnchanged()
	}
}

// reapExecs waits for what exec has left running, until the function that it returns is called: the kernel does not let an
// init process end before that, and an engine has a reaper for it. Verbs are waited for by whoever runs them.
func reapExecs() (stop func()) {
	done, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			for _, pid := range children() {
				if inits[pid] || !dead(pid) {
					continue // only the name of the dead is final
				}
				if comm, _ := os.ReadFile("/proc/" + itoa(pid) + "/comm"); string(comm) != filepath.Base(tare)+"\n" {
					syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
				}
			}
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-stopped }
}

// dead says whether a child waits to be reaped.
func dead(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo == int32(unix.SIGCHLD)
}

func (b *bundle) mountsUnchanged() {
	b.t.Helper()
	now, err := mountTable()
	must(b.t, err)
	if slices.Equal(now, mountsBefore) {
		return
	}
	for _, line := range now {
		if !slices.Contains(mountsBefore, line) {
			b.t.Errorf("a mount is left: %s", line)
		}
	}
	for _, line := range mountsBefore {
		if !slices.Contains(now, line) {
			b.t.Errorf("a mount is gone: %s", line)
		}
	}
}

// cgroups are the directories of the container in all hierarchies.
func (b *bundle) cgroups() []string {
	b.t.Helper()
	var found []string
	for _, mount := range cgroupMounts(b.t) {
		for _, pattern := range []string{"*", "*/*"} {
			matches, err := filepath.Glob(filepath.Join(mount, pattern))
			must(b.t, err)
			for _, path := range matches {
				if name := filepath.Base(path); name == b.id || strings.HasPrefix(name, b.id+".") {
					found = append(found, path)
				}
			}
		}
	}
	return found
}

// leftProcesses describes our descendants that ought to be gone; all of them are our children, because we are a subreaper.
// The dead are reaped. A process that was sent SIGKILL may need a moment.
func leftProcesses() []string {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		var left []string
		for _, pid := range children() {
			if inits[pid] {
				continue
			}
			if reaped, _ := syscall.Wait4(pid, nil, syscall.WNOHANG, nil); reaped != pid {
				left = append(left, describe(pid))
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// children are the pids of the children of all our threads (proc_pid_task_children(5)).
func children() []int {
	var pids []int
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may end meanwhile
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func describe(pid int) string {
	cmdline, _ := os.ReadFile("/proc/" + itoa(pid) + "/cmdline")
	return itoa(pid) + " " + strings.ReplaceAll(strings.TrimRight(string(cmdline), "\x00"), "\x00", " ")
}

// names are the entries of a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func itoa(n int) string { return strconv.Itoa(n) }

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	must(t, err)
	return n
}
