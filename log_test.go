package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Rows A2, B3: the exact bytes of a line.
func TestLogLines(t *testing.T) {
	zone := time.FixedZone("UTC+2", 2*60*60)
	now := time.Date(2026, 1, 2, 5, 4, 5, 999, zone)
	tests := []struct{ name, msg, text, json string }{
		{"plain", "create web1: no", `msg="create web1: no"`, `"msg":"create web1: no"`},
		{"quotes", `bind "/srv": no`, `msg="bind \"/srv\": no"`, `"msg":"bind \"/srv\": no"`},
		{"backquotes, which Podman searches for", "write `/proc/self/attr/exec`", "msg=\"write `/proc/self/attr/exec`\"",
			"\"msg\":\"write `/proc/self/attr/exec`\""},
		{"line break", "a\nb", `msg="a\nb"`, `"msg":"a\nb"`},
		{"control character", "a\x1bb", `msg="a\x1bb"`, `"msg":"a\u001bb"`},
		{"not UTF-8", "a\xffb", `msg="a\xffb"`, `"msg":"a` + "\ufffd" + `b"`},
		{"markup", "a<b>&", `msg="a<b>&"`, `"msg":"a<b>&"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := `time="2026-01-02T03:04:05Z" level=error ` + tt.text + "\n"
			if got := string(textLine(now, levelError, tt.msg)); got != text {
				t.Errorf("text %q, want %q", got, text)
			}
			want := `{"level":"error",` + tt.json + `,"time":"2026-01-02T03:04:05Z"}` + "\n"
			if got := string(jsonLine(now, levelError, tt.msg)); got != want {
				t.Errorf("json %q, want %q", got, want)
			}
		})
	}
}

// Rows A2, A8, B2, B4, B5, B12: which lines go where. The file is what Podman decodes as one object and the shim as a stream.
func TestLogDestinations(t *testing.T) {
	failure := errors.New("create web1: container with given ID already exists\nsecond\nthird")
	const first = "create web1: container with given ID already exists"
	const cut = first + "; --debug shows 2 more"
	tests := []struct {
		name   string
		args   string // FILE stands for the log file
		err    error
		file   []string // level and message of each line
		stderr []string
	}{
		{name: "success", args: "--log FILE --log-format json create web1"},
		{name: "success, warnings wanted", args: "--log FILE --log-level warning create web1", file: []string{"warning odd"}},
		{name: "success, no log file", args: "create web1", stderr: []string{"warning odd"}},
		{name: "success, errors only", args: "--log-level=error create web1"},
		{name: "failure", args: "--log FILE --log-format json create web1", err: failure,
			file: []string{"error " + cut}, stderr: []string{"error " + cut}},
		{name: "failure, text", args: "--log=FILE create web1", err: failure,
			file: []string{"error " + cut}, stderr: []string{"error " + cut}},
		{name: "failure, no log file", args: "create web1", err: failure, stderr: []string{"warning odd", "error " + cut}},
		{name: "debug", args: "--debug --log FILE --criu /x create web1", err: failure,
			file: []string{"debug --criu is ignored", "warning odd", "debug detail", "debug second", "debug third",
				"error " + first},
			stderr: []string{"error " + first}},
		{name: "criu is silent otherwise (B10)", args: "--log FILE --criu=/x --log-level warning create web1",
			file: []string{"warning odd"}},
		{name: "usage error of a verb", args: "--log FILE --log-format json create", file: []string{"error create: takes " +
			"exactly 1 argument, got 0; usage: tare create [options] ID"}, stderr: []string{"error create: takes " +
			"exactly 1 argument, got 0; usage: tare create [options] ID"}},
		{name: "usage error before the verb", args: "--log FILE --nosuch create", file: []string{"error flag provided but " +
			`not defined: -nosuch; see "tare --help"`}, stderr: []string{"error flag provided but not defined: -nosuch; " +
			`see "tare --help"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "log")
			args := strings.Fields(strings.ReplaceAll(tt.args, "FILE", file))
			r := &talker{recorder{err: tt.err}}
			var stderr strings.Builder
			p := newProgram("tare", nil, &stderr)
			p.open = func(rt *libcontainer.Runtime) containers {
				r.runtime = rt
				return r
			}
			p.run(append([]string{"tare"}, args...))
			if got := parseLog(t, stderr.String()); !slices.Equal(got, tt.stderr) {
				t.Errorf("stderr %q, want %q", got, tt.stderr)
			}
			if _, err := os.Stat(file); tt.file == nil && err == nil {
				t.Error("the log file exists, with nothing to say")
			} else if tt.file != nil {
				if got := parseLog(t, readFile(t, file)); !slices.Equal(got, tt.file) {
					t.Errorf("file %q, want %q", got, tt.file)
				}
			}
		})
	}
}

// talker is a recorder that has something to say while it works.
type talker struct{ recorder }

func (k *talker) Create(o libcontainer.CreateOptions) error {
	if warn := k.runtime.Warn; warn != nil {
		warn("odd")
	}
	if debug := k.runtime.Debug; debug != nil {
		debug("detail")
	}
	return k.recorder.Create(o)
}

// parseLog reads lines of either format back, with the same demands on the time as the containerd shim.
func parseLog(t *testing.T, log string) []string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(log) {
		var entry struct {
			Level, Msg string
			Time       time.Time
		}
		if line[0] == '{' {
			if err := json.Unmarshal([]byte(line), &entry); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		} else {
			line = strings.TrimSuffix(line, "\n")
			stamp, rest, _ := strings.Cut(strings.TrimPrefix(line, `time="`), `" level=`)
			level, msg, _ := strings.Cut(rest, " msg=")
			if _, err := time.Parse(time.RFC3339, stamp); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			unquoted, err := strconv.Unquote(msg)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			entry.Level, entry.Msg = level, unquoted
		}
		lines = append(lines, entry.Level+" "+entry.Msg)
	}
	return lines
}

// A log that cannot be opened does not hide the error, nor does it stop a verb that needs no log.
func TestLogUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "missing", "log")
	if got := invoke(&recorder{}, "--log", file, "start", "web1"); got != (result{}) {
		t.Errorf("success: %+v", got)
	}
	got := invoke(&recorder{err: errors.New("start web1: no")}, "--log", file, "start", "web1")
	want := result{1, "", errorLine(`log "`+file+`": no such file or directory`) + errorLine("start web1: no")}
	if got != want {
		t.Errorf("failure: %+v", got)
	}
}

// A log that is a FIFO does not keep a verb waiting: neither one that nobody has open to read, nor one that is full.
func TestLogFIFO(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "log")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	fail := func(why string) {
		t.Helper()
		got := invoke(&recorder{err: errors.New("start web1: no")}, "--log", fifo, "start", "web1")
		if want := (result{1, "", errorLine(`log "`+fifo+`": `+why) + errorLine("start web1: no")}); got != want {
			t.Errorf("%+v", got)
		}
	}
	fail("nobody reads the FIFO")
	reader, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	invoke(&recorder{err: errors.New("a line")}, "--log", fifo, "start", "web1")
	line := make([]byte, 4096)
	if n, err := reader.Read(line); err != nil || !strings.Contains(string(line[:n]), "a line") {
		t.Errorf("the FIFO has %q, %v", line[:n], err)
	}
	if _, err := unix.FcntlInt(reader.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Write(line); err != nil {
		t.Fatal(err)
	}
	fail("resource temporarily unavailable")
}

// Row B2: the log is appended to.
func TestLogAppends(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	for range 2 {
		invoke(&recorder{err: errors.New("no")}, "--log", file, "--log-format", "json", "start", "web1")
	}
	line := `{"level":"error","msg":"no","time":"2026-01-02T03:04:05Z"}` + "\n"
	if got := readFile(t, file); got != line+line {
		t.Errorf("got %q", got)
	}
}

// Rows B2, B6: the logs of the host take the message itself, with the name from the command line.
func TestLogOfTheHost(t *testing.T) {
	dir := t.TempDir()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		defer unix.Close(fd)
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: dir + "/s"})
	}
	if err != nil {
		t.Fatal(err)
	}
	for place, want := range map[string]string{
		"journald:web1": "MESSAGE=start web1: no\nPRIORITY=3\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=web1\n",
		"syslog:web2":   "<27>web2[" + strconv.Itoa(os.Getpid()) + "]: start web1: no",
	} {
		var stderr strings.Builder
		p := newProgram("tare", nil, &stderr)
		p.open = func(*libcontainer.Runtime) containers { return &recorder{err: errors.New("start web1: no")} }
		p.log.sockets.journal, p.log.sockets.syslog = dir+"/s", dir+"/s"
		if status := p.run([]string{"tare", "--log", place, "start", "web1"}); status != 1 || !strings.HasSuffix(stderr.String(), " level=error msg=\"start web1: no\"\n") {
			t.Errorf("%s: status %d, stderr %q", place, status, stderr.String())
		}
		var buffer [1024]byte
		if n, err := unix.Read(fd, buffer[:]); err != nil || string(buffer[:n]) != want {
			t.Errorf("%s: got %q, %v, want %q", place, buffer[:max(n, 0)], err, want)
		}
		p.log.sockets.journal, p.log.sockets.syslog = dir+"/none", dir+"/none"
		stderr.Reset()
		if p.run([]string{"tare", "--log", place, "start", "web1"}); strings.Count(stderr.String(), "\n") != 2 || !strings.Contains(stderr.String(), `log \"`+place+`\": no such file or directory`) {
			t.Errorf("%s, where nobody listens: stderr %q", place, stderr.String())
		}
	}
	file := dir + "/log"
	invoke(&recorder{err: errors.New("no")}, "--log", "file:"+file, "start", "web1")
	if got := readFile(t, file); !strings.Contains(got, "msg=no") && !strings.Contains(got, `msg="no"`) {
		t.Errorf("file: got %q", got)
	}
}
