package engines

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

var all = flag.Bool("all", false, "try every operation with runc and crun as well")

const (
	binaryVariable = "TARE_BINARY"
	strictVariable = "TARE_TEST_STRICT"
	stageVariable  = "TARE_ENGINES_STAGE" // how far the isolation has come
)

var (
	tare      string // absolute path of the binary under test
	workspace string // on a tmpfs
)

func TestMain(m *testing.M) {
	status, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "engines:", err)
		status = 1
	}
	os.Exit(status)
}

func testMain(m *testing.M) (status int, err error) {
	if os.Geteuid() != 0 {
		return m.Run(), nil // each test says that it needs root
	}
	if tare, err = findBinary(); err != nil {
		return 0, err
	}
	switch os.Getenv(stageVariable) {
	case "":
		return again("reaper", unix.CLONE_NEWNS|unix.CLONE_NEWPID|unix.CLONE_NEWNET|unix.CLONE_NEWIPC)
	case "reaper":
		if err := isolate(); err != nil {
			return 0, err
		}
		return reap()
	}
	defer printTable()
	workspace = "/run/tests"
	before := cgroups()
	status = m.Run()
	removeCgroups(before)
	return status, nil
}

func findBinary() (string, error) {
	if path := os.Getenv(binaryVariable); path != "" {
		return filepath.Abs(path)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	if output, err := exec.Command("make", "-s", "-C", root).CombinedOutput(); err != nil {
		return "", fmt.Errorf("make: %w\n%s", err, output)
	}
	return filepath.Join(root, "tare"), nil
}

// again runs this program once more in new namespaces. It ends with us, and in its pid namespace everything with it.
func again(stage string, namespaces uintptr) (int, error) {
	runtime.LockOSThread() // the parent-death signal hangs on the thread
	inner := stageCommand(stage)
	inner.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	err := inner.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func stageCommand(stage string) *exec.Cmd {
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), stageVariable+"="+stage, binaryVariable+"="+tare)
	return c
}

// isolate gives this mount namespace the places that engines keep things in.
func isolate() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, dir := range []string{"/run", "/var/lib", "/var/log", "/var/tmp", "/dev/shm", "/etc/containers", "/etc/containerd", "/etc/docker", "/etc/cni", "/root"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		mode := "mode=755"
		if dir == "/dev/shm" || dir == "/var/tmp" {
			mode = "mode=1777"
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, mode); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	// A runtime may give away its standard streams, and they may be /dev/null: that of the host must not be what it changes.
	if err := unix.Mknod("/run/null", unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		return fmt.Errorf("make /dev/null: %w", err)
	}
	if err := os.Chmod("/run/null", 0o666); err != nil {
		return err
	}
	if err := unix.Mount("/run/null", "/dev/null", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount /dev/null: %w", err)
	}
	// Shared, as systemd sets a host up.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("make mounts shared: %w", err)
	}
	if output, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w\n%s", err, output)
	}
	return os.Mkdir("/run/tests", 0o755)
}

// reap is process 1: it waits for every orphan, which a test cannot do that has children of its own to wait for.
func reap() (int, error) {
	inner := stageCommand("tests")
	if err := inner.Start(); err != nil {
		return 0, err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 0, err
		case pid == inner.Process.Pid && status.Exited():
			return status.ExitStatus(), nil
		case pid == inner.Process.Pid:
			return 0, fmt.Errorf("the tests ended with %v", status.Signal())
		}
	}
}

// cgroups are the directories directly below each hierarchy; engines do not remove the parents that they make.
func cgroups() map[string]bool {
	found := map[string]bool{}
	for _, pattern := range []string{"/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if info, err := os.Lstat(path); err == nil && info.IsDir() {
				found[path] = true
			}
		}
	}
	return found
}

// removeCgroups removes what was not there before. The host's other programs make cgroups too: what is in use stays.
func removeCgroups(before map[string]bool) {
	for path := range cgroups() {
		if before[path] {
			continue
		}
		switch name, _, _ := strings.Cut(filepath.Base(path), ":"); name { // the rest is that of names in the form of systemd
		case "libpod_parent", "buildah", "docker", "tare-engines", "tare-kubelet", "k8s.io", "system.slice", "user.slice", "machine.slice", "test.slice":
		default:
			continue
		}
		removeTree(path)
	}
}

func removeTree(path string) {
	entries, _ := os.ReadDir(path)
	for _, entry := range entries {
		if entry.IsDir() {
			removeTree(filepath.Join(path, entry.Name()))
		}
	}
	_ = unix.Rmdir(path) // it may be in use
}

// skipUnless skips with a reason. With TARE_TEST_STRICT=1 the machine is meant to have everything, so it fails.
func skipUnless(t *testing.T, ok bool, reason string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv(strictVariable) == "1":
		t.Fatal("cannot run: " + reason)
	default:
		t.Skip(reason)
	}
}

// requireEngine skips without root, or without the programs.
func requireEngine(t *testing.T, programs ...string) {
	t.Helper()
	skipUnless(t, os.Geteuid() == 0, "engines of the host need root")
	for _, name := range programs {
		_, err := exec.LookPath(name)
		skipUnless(t, err == nil, name+" is missing; tests/deps engines installs it")
	}
}
