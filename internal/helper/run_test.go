package helper

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/helper/protocol"
	"github.com/tare-run/tare/internal/helper/serve"
	"github.com/tare-run/tare/internal/sealed"
)

// reverse is the compiler of these tests.
var reverse = serve.Compiler{Kind: testKind, Compile: func(request []byte) ([]byte, error) {
	if len(request) == 0 {
		return nil, &fault.Error{Op: "reverse", Pointer: "/text", Err: unix.ENODATA}
	}
	slices.Reverse(request)
	return request, nil
}}

// The test binary is its own helper, told by argv[0].
func TestMain(m *testing.M) {
	if os.Args[0] == protocol.Name {
		serve.Main(reverse)
	}
	os.Exit(m.Run())
}

// program makes a helper of an executable file.
func program(t *testing.T, path string) Helper {
	t.Helper()
	executable, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	return Helper{executable, serve.Describe(executable, reverse)}
}

func job(request string) *Job {
	return &Job{
		Kind: testKind, Key: []byte(request),
		Request: func() ([]byte, error) { return []byte(request), nil },
		Valid:   func(answer []byte) bool { return len(answer) > 0 },
	}
}

// The second time the answer comes from the cache; a damaged file is compiled again.
func TestCompileUsesCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	h := program(t, "/proc/self/exe")
	if got, err := h.Compile(job("abc"), dir); err != nil || got.NotCached != nil || string(got.Answer) != "cba" {
		t.Fatalf("got %+v, %v", got, err)
	}
	broken := Helper{[]byte("cannot be executed"), h.Description}
	if got, err := broken.Compile(job("abc"), dir); err != nil || string(got.Answer) != "cba" {
		t.Fatalf("the helper was called in spite of the cache: %+v, %v", got, err)
	}
	if _, err := broken.Compile(job("abd"), dir); err == nil {
		t.Error("another job was answered from the cache")
	}
	if err := os.Truncate(filepath.Join(dir, newEntry(testKind, h.id(), []byte("abc")).name()), 30); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Compile(job("abc"), dir); err != nil || string(got.Answer) != "cba" {
		t.Errorf("after damage: %+v, %v", got, err)
	}
}

// An answer that cannot be kept costs time, not the answer.
func TestAnswerThatCannotBeKept(t *testing.T) {
	h := program(t, "/proc/self/exe")
	dir := filepath.Join(t.TempDir(), "cache")
	inTheWay := filepath.Join(dir, newEntry(testKind, h.id(), []byte("abc")).name())
	if err := os.MkdirAll(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := h.Compile(job("abc"), dir)
	if err != nil || string(got.Answer) != "cba" || got.NotCached == nil {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What cannot be compiled is an error, and nothing is kept of it.
func TestCompileRefuses(t *testing.T) {
	h := program(t, "/proc/self/exe")
	invalid := job("abc")
	invalid.Valid = func([]byte) bool { return false }
	noRequest := job("abc")
	noRequest.Request = func() ([]byte, error) { return nil, unix.EDOM }
	otherKind := job("abc")
	otherKind.Kind = "others"
	for _, row := range []struct {
		name   string
		helper Helper
		job    *Job
		want   error
		text   string
	}{
		{"no helper", Helper{}, job("abc"), fault.ErrNotSupported, ""},
		{"no description", Helper{h.Executable, ""}, job("abc"), fault.ErrNotSupported, ""},
		{"no such compiler", h, otherKind, fault.ErrNotSupported, ""},
		{"no such compiler, in spite of the description", Helper{h.Executable, h.Description + "compiles others\n"}, otherKind, nil, "not supported"},
		{"of another build", Helper{slices.Concat(h.Executable, []byte{0}), h.Description}, job("abc"), nil, "different builds"},
		{"request cannot be made", h, noRequest, unix.EDOM, ""},
		{"request too long", h, job(strings.Repeat("x", protocol.MaxRequest+1)), unix.E2BIG, ""},
		{"the compiler objects", h, job(""), unix.ENODATA, "config.json /text: reverse"},
		{"answer of another form", h, invalid, nil, "not a program"},
	} {
		t.Run(row.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			got, err := row.helper.Compile(row.job, dir)
			if err == nil || got != nil || row.want != nil && !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.text) {
				t.Errorf("got %+v, %v; want %v with %q", got, err, row.want, row.text)
			}
			if kept, _ := filepath.Glob(filepath.Join(dir, "others-*")); len(kept) > 0 {
				t.Errorf("an answer was kept: %q", kept)
			}
		})
	}
}

func TestLongestRequest(t *testing.T) {
	h := program(t, "/proc/self/exe")
	got, err := h.Compile(job(strings.Repeat("x", protocol.MaxRequest)), t.TempDir()+"/cache")
	if err != nil || len(got.Answer) != protocol.MaxRequest || got.NotCached != nil {
		t.Errorf("%v", err)
	}
}

// A helper that does anything but answer is an error; nothing it writes is taken for an answer.
func TestStrangeHelper(t *testing.T) {
	for _, row := range []struct{ name, program, want string }{
		{"writes nothing", "/bin/true", "unexpected end of JSON input"},
		{"fails", "/bin/false", "exit status 1"},
		{"fails and says why", "/bin/sleep", "exit status 1: "},
		{"writes without end", "/usr/bin/yes", "exit status 1: "},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := program(t, row.program)
			got, err := h.Compile(job("abc"), t.TempDir()+"/cache")
			if err == nil || got != nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, error %v; want one with %q", got, err, row.want)
			}
		})
	}
	for _, row := range []struct{ name, script, want string }{
		{"is killed", "kill -9 $$", "killed by SIGKILL"},
		{"writes something else", "echo abc", "invalid character"},
		{"complains without end", "echo why >&2; yes >&2; exit 1", "exit status 1: why"},
	} {
		t.Run(row.name, func(t *testing.T) {
			output, err := runScript(t, program(t, "/bin/sh"), row.script, time.Minute)
			if err == nil {
				_, err = protocol.ParseResponse(output)
			}
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v; want one with %q", err, row.want)
			}
		})
	}
}

// runScript has a shell in the helper's place read a script as its request.
func runScript(t *testing.T, shell Helper, script string, timeout time.Duration) ([]byte, error) {
	t.Helper()
	imageFd, err := sealed.Embedded(t.TempDir(), "shell", shell.Executable)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(imageFd)
	return execute(imageFd, []string{protocol.Name}, []byte(script+"\n"), timeout)
}

// A helper that hangs is killed, and what it has started too.
func TestHelperDeadline(t *testing.T) {
	shell := program(t, "/bin/sh")
	start := time.Now()
	_, err := runScript(t, shell, "/bin/sleep 60 & wait", 100*time.Millisecond)
	if !errors.Is(err, fault.ErrTimeout) {
		t.Errorf("error %v, want ErrTimeout", err)
	}
	if elapsed := time.Since(start); elapsed > 30*time.Second {
		t.Errorf("waited %v", elapsed)
	}
}

// What the helper knows of its surroundings: nothing. The cache assumes that the request alone determines its answer.
func TestHelperSurroundings(t *testing.T) {
	t.Setenv("TARE_TEST", "leaked")
	output, err := runScript(t, program(t, "/bin/sh"), "pwd; echo \"$TARE_TEST\"; unset PWD OLDPWD; exec /usr/bin/env", time.Minute)
	if want := "/\n\n"; err != nil || string(output) != want {
		t.Errorf("helper saw %q, %v; want %q", output, err, want)
	}
}
