package integration

import (
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// E8: the environment is exactly that of the configuration; of two entries the last counts; HOME is added.
func TestEnvironment(t *testing.T) {
	for _, test := range []struct {
		name string
		uid  uint32
		env  []string
		want []string
	}{
		{"exact", 0, []string{"PATH=/bin", "A=1", "B=a b=c", "EMPTY="}, []string{"A=1", "B=a b=c", "EMPTY=", "HOME=/root", "PATH=/bin"}},
		{"last one counts", 0, []string{"PATH=/nosuch", "A=1", "A=2", "PATH=/bin"}, []string{"A=2", "HOME=/root", "PATH=/bin"}},
		{"HOME is kept", 0, []string{"PATH=/bin", "HOME=/here"}, []string{"HOME=/here", "PATH=/bin"}},
		{"HOME of a user", 1000, []string{"PATH=/bin"}, []string{"HOME=/home", "PATH=/bin"}},
		{"HOME of nobody", 4242, []string{"PATH=/bin"}, []string{"HOME=/", "PATH=/bin"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, withArgs("env"), withUser(test.uid, test.uid))
			b.spec.Process.Env = test.env
			lines := strings.Split(b.output(), "\n")
			slices.Sort(lines)
			if !slices.Equal(lines, test.want) {
				t.Errorf("got %q, want %q", lines, test.want)
			}
		})
	}
}

// E7: the working directory is entered, and made where it is missing.
func TestCwd(t *testing.T) {
	for _, test := range []struct{ name, cwd, want string }{
		{"root", "/", "/"},
		{"existing", "/home", "/home"},
		{"made", "/new/directory", "/new/directory"},
		{"through a link", "/link/below", "/home/below"},
		{"unclean", "/home/../home//.", "/home"},
		{"dots stay inside", "/../../home", "/home"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, withArgs("sh", "-c", "pwd -P; stat -c %a:%u ."))
			b.spec.Process.Cwd = test.cwd
			b.link("/home", "link")
			wants(t, "cwd", b.output(), test.want+"\n755:0")
		})
	}
}

// E7: a user need not be able to search the way to the working directory, which root has entered; and cannot leave the
// rules of the file system by it.
func TestCwdOfUser(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", "cat /proc/self/cwd/file || echo denied"), withUser(1000, 1000))
	b.spec.Process.Cwd = "/secret/inner"
	b.file("secret/inner/file", "content\n")
	must(t, unix.Chmod(b.path("secret"), 0o700))
	wants(t, "output", b.output(), "content")
}

// E7: what cannot be a working directory.
func TestCwdRefused(t *testing.T) {
	for _, test := range []struct{ cwd, want string }{
		{"/etc/passwd", "not a directory"},
		{"/dangling", "no such file or directory"},
		{"/loop", "too many levels of symbolic links"},
	} {
		b := newBundle(t)
		b.spec.Process.Cwd = test.cwd
		b.link("/nonexistent/x", "dangling")
		b.link("loop", "loop")
		b.try("create").fails("/process/cwd", test.want)
		b.nothingLeft()
	}
}

// E9: how the program is found. PATH is the container's.
func TestArgs(t *testing.T) {
	const script = "#!/bin/sh\necho $0\n"
	for _, test := range []struct{ name, program, path, want string }{
		{"on PATH", "script", "/nosuch:/tools:/bin", "/tools/script"},
		{"first on PATH", "script", "/other:/tools", "/other/script"},
		{"empty entry is the working directory", "script", "/nosuch:", "script"},
		{"absolute", "/tools/script", "/nosuch", "/tools/script"},
		{"relative to cwd", "./script", "/nosuch", "./script"},
		{"below cwd", "sub/script", "/nosuch", "sub/script"},
		{"not executable is passed over", "script", "/plain:/tools", "/tools/script"},
		{"a directory is passed over", "script", "/directory:/tools", "/tools/script"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, withArgs(test.program))
			b.spec.Process.Env = []string{"PATH=" + test.path}
			b.spec.Process.Cwd = "/work"
			for _, dir := range []string{"tools", "other", "work", "work/sub", "plain"} {
				b.file(dir+"/script", script)
			}
			must(t, unix.Chmod(b.path("plain/script"), 0o644))
			b.file("directory/script/file", "")
			wants(t, "output", b.output(), test.want)
		})
	}
}

// E9: argv[0] is the first argument as given, and the arguments are passed as they are.
func TestArgv(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", `printf '[%s]' "$0" "$@"`, "zero", "", "a b", "*", "$x", "é"))
	wants(t, "output", b.output(), "[zero][][a b][*][$x][é]")
}

// E28: whatever the caller ignores or blocks, the program starts with defaults, as the leader of a session of its own.
func TestSignalState(t *testing.T) {
	b := newBundle(t, withArgs("sh", "-c", "grep -E '^(SigIgn|SigBlk|SigCgt)' /proc/self/status | cut -f 2 | sort -u; cut -d ' ' -f 5,6 /proc/1/stat"))
	restore := ignoreSignals(unix.SIGINT, unix.SIGTERM, unix.SIGUSR1, unix.SIGPIPE)
	defer restore()
	wants(t, "output", b.output(), "0000000000000000\n1 1")
}

// ignoreSignals makes this process ignore signals, which its children inherit (execve(2)), until the result is called.
func ignoreSignals(signals ...os.Signal) (restore func()) {
	signal.Ignore(signals...)
	return func() { signal.Reset(signals...) }
}

// E31: hostname and domainname are the container's alone.
func TestNames(t *testing.T) {
	hostname, domainname := read(t, "/proc/sys/kernel/hostname"), read(t, "/proc/sys/kernel/domainname")
	b := newBundle(t, withArgs("cat", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"))
	b.spec.Hostname, b.spec.Domainname = "the-host.example", "the-domain"
	wants(t, "output", b.output(), "the-host.example\nthe-domain")
	wants(t, "hostname of the host", read(t, "/proc/sys/kernel/hostname"), hostname)
	wants(t, "domainname of the host", read(t, "/proc/sys/kernel/domainname"), domainname)
}

// E22: oom_score_adj is set if it is given, and only then.
func TestOOMScoreAdj(t *testing.T) {
	own := strings.TrimSpace(read(t, "/proc/self/oom_score_adj"))
	for _, test := range []struct {
		adj  *int
		want string
	}{{nil, own}, {new(500), "500"}, {new(1000), "1000"}} {
		b := newBundle(t, withArgs("cat", "/proc/self/oom_score_adj"), withProcess(func(p *specs.Process) { p.OOMScoreAdj = test.adj }))
		wants(t, "oom_score_adj", b.output(), test.want)
	}
}

// E22: a score that the runtime may not give is an error that says what is missing.
func TestOOMScoreAdjTooLow(t *testing.T) {
	requireRoot(t)
	skipUnless(t, commandExists("setpriv"), "setpriv is missing (util-linux)")
	b := newBundle(t, withArgs("true"), withProcess(func(p *specs.Process) { p.OOMScoreAdj = new(-999) }))
	b.writeConfig()
	c := exec.Command("setpriv", "--bounding-set=-sys_resource", tare, "--root", t.TempDir(), "run", "--bundle", b.dir, b.id)
	out, err := c.CombinedOutput()
	for _, part := range []string{"/process/oomScoreAdj: ", "-999", "permission denied; a lower score than the runtime's own needs CAP_SYS_RESOURCE"} {
		if err == nil || !strings.Contains(string(out), part) {
			t.Errorf("%v, %s, want %q", err, out, part)
		}
	}
}

// E13: what belongs to other platforms is ignored. E2: so is what nobody knows. E6: and a console size without terminal.
func TestIgnored(t *testing.T) {
	b := newBundle(t, withArgs("id", "-u"))
	b.spec.Process.CommandLine = "cmd.exe"
	b.spec.Process.User.Username = "ContainerAdministrator"
	b.spec.Process.ConsoleSize = &specs.Box{Height: 1, Width: 1}
	b.spec.Annotations = map[string]string{"com.example.unknown": "x"}
	wants(t, "uid", b.output(), "0")
}

// E21: no_new_privs as given.
func TestNoNewPrivileges(t *testing.T) {
	for value, want := range map[bool]string{true: "1", false: "0"} {
		b := newBundle(t, withShell("grep NoNewPrivs /proc/self/status | cut -f 2"))
		b.spec.Process.NoNewPrivileges = value
		wants(t, "NoNewPrivs", b.output(), want)
	}
}

// C8: the program has a session keyring of its own, named after the container, or the caller's.
func TestKeyring(t *testing.T) {
	b := newBundle(t, withLinux(func(l *specs.Linux) { l.MaskedPaths = nil }))
	b.spec.Process.Args = []string{"grep", "-c", "_ses." + b.id, "/proc/keys"}
	wants(t, "keyrings with --no-new-keyring", b.try("run", "--no-new-keyring").stdout, "0\n")
	wants(t, "keyrings", b.try("run").stdout, "1\n")
}
