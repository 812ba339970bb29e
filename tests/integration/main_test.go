package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The variables that say what to test, and how strictly.
const (
	binaryVariable   = "TARE_BINARY"
	strictVariable   = "TARE_TEST_STRICT"
	isolatedVariable = "TARE_TEST_ISOLATED"
)

var (
	tare      string // absolute path of the binary under test
	workspace string // everything the tests make lies below; short, because paths of sockets are limited to 107 bytes
)

func TestMain(m *testing.M) {
	status, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		status = 1
	}
	os.Exit(status)
}

func testMain(m *testing.M) (int, error) {
	var err error
	if tare, err = findBinary(); err != nil {
		return 0, err
	}
	if os.Geteuid() == 0 && os.Getenv(isolatedVariable) == "" {
		return runIsolated()
	}
	if workspace, err = os.MkdirTemp("", "tare-it-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(workspace)
	if err := prepareWorkspace(); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// findBinary returns the binary to test, made now unless one is named.
func findBinary() (string, error) {
	if path := os.Getenv(binaryVariable); path != "" {
		return filepath.Abs(path)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	build := exec.Command("make", "-s", "-C", root)
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make: %w\n%s", err, output)
	}
	return filepath.Join(root, "tare"), nil
}

// runIsolated runs the tests again in a mount namespace of their own, so that the comparison of the mount table is exact
// whatever else happens on the machine, and a mount that leaks does no harm.
func runIsolated() (int, error) {
	runtime.LockOSThread() // the parent-death signal hangs on the thread
	inner := exec.Command("/proc/self/exe", os.Args[1:]...)
	inner.Stdin, inner.Stdout, inner.Stderr = os.Stdin, os.Stdout, os.Stderr
	inner.Env = append(os.Environ(), isolatedVariable+"=1", binaryVariable+"="+tare)
	inner.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err := inner.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// prepareWorkspace makes this process what an engine's shim is: the parent of orphaned containers. The mounts are shared
// among themselves, as systemd sets a host up, because that is where a runtime that forgets about propagation leaks.
func prepareWorkspace() error {
	if os.Geteuid() == 0 {
		for _, propagation := range []uintptr{unix.MS_PRIVATE, unix.MS_SHARED} { // private first, to leave the host's peer groups
			if err := unix.Mount("", "/", "", propagation|unix.MS_REC, ""); err != nil {
				return fmt.Errorf("make mounts shared: %w", err)
			}
		}
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("become subreaper: %w", err)
		}
	}
	unix.Umask(0o022)
	// What the caller has exported must not decide how the tests end.
	for _, name := range []string{"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "XDG_RUNTIME_DIR"} {
		os.Unsetenv(name)
	}
	var err error
	if mountsBefore, err = mountTable(); err != nil {
		return err
	}
	return os.Mkdir(stateRoot(), 0o700)
}

// stateRoot is the runtime root that the tests share.
func stateRoot() string { return filepath.Join(workspace, "state") }

// requireRoot skips what makes containers.
func requireRoot(t *testing.T) {
	t.Helper()
	skipUnless(t, os.Geteuid() == 0, "only root can make containers without a user namespace")
	skipUnless(t, busyboxPath() != "", "busybox is missing (Debian: busybox-static)")
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

// mountTable is this mount namespace as the kernel lists it, without the ids, which a remount of the same may change.
func mountTable() ([]string, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	for i, line := range lines {
		if fields := strings.SplitN(line, " ", 4); len(fields) == 4 {
			lines[i] = fields[3]
		}
	}
	slices.Sort(lines)
	return lines, nil
}
