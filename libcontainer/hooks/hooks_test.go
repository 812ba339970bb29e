package hooks

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// sh is a hook that runs a script with its working files in dir.
func sh(dir, script string) *Hook {
	return &Hook{Kind: "createRuntime", Pointer: "/hooks/createRuntime/1", Path: "/bin/sh", Args: []string{"sh", "-c", "cd " + dir + "; " + script}, Env: []string{"PATH=/usr/bin:/bin"}}
}

func read(t *testing.T, elem ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// P6: argv is args, argv[0] included, or the path where there are none.
func TestArgs(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"absent", nil, "PROGRAM\x00"},
		{"argv0 differs from path", []string{"other", "-", "a b", ""}, "other\x00-\x00a b\x00\x00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			program := filepath.Join(dir, "program")
			// A script would show its interpreter. A copy of cat does not, and waits for its stdin.
			if err := os.Link("/bin/cat", program); err != nil {
				data, err := os.ReadFile("/bin/cat")
				if err != nil {
					t.Skip("no /bin/cat: ", err)
				}
				if err := os.WriteFile(program, data, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			p, err := start(&Hook{Path: program, Args: tc.args})
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			got := ""
			for range 100 { // the kernel closes the descriptors that tell of the exec before it sets the new command line
				if got = read(t, "/proc", strconv.Itoa(p.pid), "cmdline"); got != "" {
					break
				}
				time.Sleep(time.Millisecond)
			}
			p.kill()
			want := strings.Replace(tc.want, "PROGRAM", program, 1)
			if got != want {
				t.Errorf("argv = %q, want %q", got, want)
			}
		})
	}
}

// P6: nothing of our environment; P8: the state on stdin; P9 and security.md rule 13: no descriptors but 0 to 2, own session.
func TestWhatTheHookGets(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("LEAK", "1")
	h := sh(dir, "tr '\\0' '\\n' </proc/$$/environ >env; cat >state; ls /proc/$$/fd >fds; cut -d' ' -f1,5,6 /proc/$$/stat >ids")
	h.Env = []string{"A=1", "PATH=/usr/bin:/bin", "A=2"}
	state := strings.Repeat(`{"pid":1}`, 40_000) // more than a pipe holds
	if err := Run(h, []byte(state)); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, dir, "env"), "A=1\nPATH=/usr/bin:/bin\nA=2\n"; got != want {
		t.Errorf("environment %q, want %q", got, want)
	}
	if got := read(t, dir, "state"); got != state {
		t.Errorf("stdin had %d bytes, want %d", len(got), len(state))
	}
	// The shell itself adds the redirection of ls, as 10 or a saved copy; below that there may be 0, 1 and 2 only.
	for _, fd := range strings.Fields(read(t, dir, "fds")) {
		if n, _ := strconv.Atoi(fd); n > 2 && n < 10 {
			t.Errorf("the hook has descriptor %s", fd)
		}
	}
	if ids := strings.Fields(read(t, dir, "ids")); len(ids) != 3 || ids[0] != ids[1] || ids[0] != ids[2] {
		t.Errorf("pid, group, session = %v, want equal ones", ids)
	}
}

// P9, P11: a failure says which hook, why, and what it wrote.
func TestFailures(t *testing.T) {
	const where = "config.json /hooks/createRuntime/1: createRuntime hook \"/bin/sh\": "
	for _, tc := range []struct {
		name, script, want string
	}{
		{"exit status", "exit 3", where + "exit status 3"},
		{"signal", "kill -SEGV $$", where + "killed by SIGSEGV"},
		{"output of both streams", "echo one; echo two >&2; exit 1", where + `exit status 1: output "one\ntwo"`},
		{"only the end of much output", "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end; exit 1", strings.Repeat("x", 100) + `\nend"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := Run(sh(t.TempDir(), tc.script), nil)
			if err == nil || !strings.HasSuffix(err.Error(), tc.want) {
				t.Fatalf("got  %v\nwant …%s", err, tc.want)
			}
			if len(err.Error()) > 3*maxTail {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestMissingProgram(t *testing.T) {
	err := Run(&Hook{Kind: "poststop", Path: "/no/such"}, []byte("{}"))
	if !errors.Is(err, unix.ENOENT) || err.Error() != `poststop hook "/no/such": no such file or directory` {
		t.Errorf("got %v", err)
	}
}

// P7: the timeout ends the hook and its children, and the output up to then is kept.
func TestTimeout(t *testing.T) {
	dir := t.TempDir()
	h := sh(dir, "echo waiting; sleep 60 & echo $! >child; wait")
	h.TimeoutSeconds = 1
	begin := time.Now()
	err := Run(h, []byte("{}"))
	if !errors.Is(err, fault.ErrTimeout) || !strings.Contains(err.Error(), `timed out: output "waiting"; its process group was killed after 1 s`) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begin); took < time.Second || took > 4*time.Second {
		t.Errorf("took %v, want about 1 s", took)
	}
	child, err := strconv.Atoi(strings.TrimSpace(read(t, dir, "child")))
	if err != nil {
		t.Fatal(err)
	}
	// Nobody here reaps the orphan, so that it may stay as a zombie for a moment.
	for range 100 {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
		if err != nil || bytes.Contains(data, []byte(") Z ")) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("child %d of the hook lives on", child)
}

// A hook that writes without end is stopped by its timeout too.
func TestTimeoutWhileWriting(t *testing.T) {
	h := sh(t.TempDir(), "while :; do echo x; sleep 0.01; done")
	h.TimeoutSeconds = 1
	if err := Run(h, nil); !errors.Is(err, fault.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

// A hook that ends with 0 has succeeded: whether it read the state, or left a process with its stdout behind, does not matter.
func TestSuccess(t *testing.T) {
	for _, tc := range []struct{ name, script string }{
		{"state not read", "true"},
		{"stdin closed", "exec <&-; sleep 0.05"},
		{"process left behind", "sleep 5 & echo $! >child"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			begin := time.Now()
			if err := Run(sh(dir, tc.script), bytes.Repeat([]byte("x"), 200_000)); err != nil {
				t.Error(err)
			}
			if time.Since(begin) > 3*time.Second {
				t.Error("waited for a process that the hook left behind")
			}
			if data, err := os.ReadFile(filepath.Join(dir, "child")); err == nil {
				if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
					unix.Kill(pid, unix.SIGKILL)
				}
			}
		})
	}
}

// None of our descriptors stays open, whatever the outcome.
func TestNoLeak(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	before := count()
	Run(sh(t.TempDir(), "true"), nil)
	Run(sh(t.TempDir(), "false"), nil)
	Run(&Hook{Path: "/no/such"}, nil)
	if after := count(); after != before {
		t.Errorf("%d descriptors leaked", after-before)
	}
}
