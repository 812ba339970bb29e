package integration

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// hostileTime is long enough to see a hole that is wide open; -hostile 30s looks for narrow ones.
var hostileTime = flag.Duration("hostile", 400*time.Millisecond, "how long the swapper works on each kind of target")

// swapper exchanges two names of a directory at full speed, as a second container with a volume in common could, and counts.
type swapper struct {
	stop  atomic.Bool
	swaps atomic.Int64
	done  chan struct{}
}

func startSwapper(t *testing.T, dir, a, b string) *swapper {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(t, err)
	s := &swapper{done: make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		defer close(s.done)
		defer unix.Close(fd)
		for !s.stop.Load() {
			if unix.Renameat2(fd, a, fd, b, unix.RENAME_EXCHANGE) == nil {
				s.swaps.Add(1)
			}
		}
	}()
	return s
}

func (s *swapper) end() {
	s.stop.Store(true)
	<-s.done
}

// hostSettings are what an attack through /proc would change.
func hostSettings(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{"kernel/core_pattern", "kernel/hostname", "kernel/modprobe", "kernel/sysrq", "vm/overcommit_memory", "net/ipv4/ip_forward"} {
		value, _ := os.ReadFile("/proc/sys/" + name) // not every kernel has every one
		all.WriteString(name + "=" + string(value))
	}
	return all.String()
}

// hostileCase is a place of the image that is a directory in one moment, and a link to the host in the next.
type hostileCase struct {
	name   string
	swap   string // the name in the root that is exchanged; "swap" if empty
	change option
	flags  []string
}

func hostileCases(source string) []hostileCase {
	at := func(m specs.Mount) option { return withMount(m) }
	masked := func(path string) option {
		return withLinux(func(l *specs.Linux) { l.MaskedPaths = append(l.MaskedPaths, path) })
	}
	return []hostileCase{
		{name: "bind of a directory", change: withBind(source, "/swap/dir", "rbind", "rw")},
		{name: "bind of a file", change: withBind(source+"/file", "/swap/file", "bind", "ro")},
		{name: "missing mount point", change: withBind(source, "/swap/a/b/c", "bind")},
		{name: "missing file", change: withBind(source+"/file", "/swap/a/b/new", "bind")},
		{name: "tmpfs", change: at(specs.Mount{Destination: "/swap/dir", Type: "tmpfs", Source: "tmpfs", Options: []string{"size=64k"}})},
		{name: "tmpcopyup", change: at(specs.Mount{Destination: "/swap", Type: "tmpfs", Source: "tmpfs", Options: []string{"tmpcopyup"}})},
		{name: "cgroup", change: at(specs.Mount{Destination: "/swap/dir", Type: "cgroup", Source: "cgroup", Options: []string{"ro"}})},
		{name: "proc elsewhere", change: at(specs.Mount{Destination: "/swap/dir", Type: "proc", Source: "proc"})},
		{name: "masked file", change: masked("/swap/file")},
		{name: "masked directory", change: masked("/swap/dir")},
		{name: "read-only path", change: withLinux(func(l *specs.Linux) { l.ReadonlyPaths = append(l.ReadonlyPaths, "/swap/dir") })},
		{name: "device", change: withLinux(func(l *specs.Linux) {
			l.Devices = append(l.Devices, specs.LinuxDevice{Path: "/swap/dir/node", Type: "c", Major: 1, Minor: 3})
		})},
		{name: "working directory", change: withProcess(func(p *specs.Process) { p.Cwd = "/swap/new/dir" })},
		{name: "overlay", change: withBind(source, "/swap/a/b", "bind"), flags: []string{"--overlay", "tmpfs"}},
		{name: "/dev", swap: "dev", change: withoutMount("/dev")},
		{name: "/proc", swap: "proc", change: func(*specs.Spec) {}},
		{name: "/sys", swap: "sys", change: func(*specs.Spec) {}},
	}
}

// CVE-2021-30465, CVE-2024-45310, CVE-2025-31133, CVE-2025-52881, security.md §4: whatever the moment in which a directory of
// the image becomes a link to the host, the host is the same afterwards, and the container either has what it should or does
// not start.
func TestHostileSwaps(t *testing.T) {
	requireRoot(t)
	creates, swaps := 0, int64(0)
	first := newBundle(t)
	source := first.directory("source")
	must(t, os.WriteFile(filepath.Join(source, "file"), []byte("source"), 0o644))
	for _, c := range hostileCases(source) {
		t.Run(c.name, func(t *testing.T) {
			n, s := runHostile(t, c)
			creates, swaps = creates+n, swaps+s
			if s == 0 {
				t.Error("nothing was exchanged")
			}
		})
	}
	t.Logf("%d containers under %d exchanges", creates, swaps)
}

func runHostile(t *testing.T, c hostileCase) (creates int, swaps int64) {
	b := newBundle(t, withArgs("true"), func(s *specs.Spec) { s.Root.Readonly = false }, c.change)
	canary := newCanary(b)
	must(t, os.MkdirAll(filepath.Join(canary.path, "dir"), 0o755))
	name := c.swap
	if name == "" {
		name = "swap"
		must(t, os.MkdirAll(b.path("swap/dir"), 0o755))
		b.file("swap/file", "of the image")
	}
	b.link(canary.path, "link")
	b.writeConfig()
	before, settings := fingerprint(t, canary.path), hostSettings(t)
	swapper := startSwapper(t, b.path(), name, "link")
	for deadline := time.Now().Add(*hostileTime); time.Now().Before(deadline) || creates < 3; creates++ {
		r := b.tryAt("run", c.flags...)
		if r.status != 0 && !strings.Contains(r.stderr, "level=error msg=") {
			t.Errorf("%v", r)
		}
	}
	swapper.end()
	if fingerprint(t, canary.path) != before {
		t.Errorf("the canary has changed: %q", names(t, canary.path))
	}
	wants(t, "settings of the host", hostSettings(t), settings)
	b.nothingLeft()
	return creates, swapper.swaps.Load()
}

// Beside the hardening: an image in which these places are links of a harmless kind still starts, and mounts land where the
// links lead inside the root (runc#4991, runc#5090).
func TestHarmlessLinks(t *testing.T) {
	for name, target := range map[string]string{
		"absolute": "/real", "relative": "real", "through dots": "../../../real", "through a link": "/other", "dangling": "/not/there/yet",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, func(s *specs.Spec) { s.Root.Readonly = false }, withShell("cat /place/file"))
			source := b.directory("source")
			must(t, os.WriteFile(filepath.Join(source, "file"), []byte("found"), 0o644))
			must(t, os.Mkdir(b.path("real"), 0o755))
			b.link("real", "other")
			b.link(target, "place")
			withBind(source, "/place", "bind")(b.spec)
			wants(t, "output", b.output(), "found")
		})
	}
}
