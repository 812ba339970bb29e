package proctable

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	boot := time.Unix(1_000_000, 0)
	now := boot.Add(200 * time.Second)
	// A name made to look like the fields behind it.
	line := "4242 (a) S 1 (b c) R 77 4242 4242 34817 4242 4194304 100 0 0 0 1500 500 0 0 20 0 1 0 10000 1024 2 18446744073709551615 1 1 0 0 0 0\n"
	row, comm, state, ok := parseStat([]byte(line), boot, now)
	if !ok {
		t.Fatal("refused")
	}
	want := Row{Pid: 4242, Parent: 77, CPU: 20, Started: boot.Add(100 * time.Second), TTY: "pts/1", Time: 20 * time.Second}
	if row != want || comm != "a) S 1 (b c" || state != 'R' {
		t.Errorf("got %+v, %q, %c", row, comm, state)
	}
	for _, bad := range []string{"", "1", "1 (x", "1 (x) S 1", "x (y) S 1 1 1 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0"} {
		if _, _, _, ok := parseStat([]byte(bad), boot, now); ok {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("1 (x) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n")
	f.Fuzz(func(t *testing.T, line string) {
		now := time.Now()
		if row, _, _, ok := parseStat([]byte(line), now, now); ok && (row.CPU < 0 || row.CPU > 99) {
			t.Errorf("%d %% of a processor", row.CPU)
		}
	})
}

// What a program calls itself must not reach the terminal as more than text.
func TestCommandIsPrintable(t *testing.T) {
	for _, row := range []struct {
		arguments, comm string
		state           byte
		want            string
	}{
		{"sleep\x00600\x00", "sleep", 'S', "sleep 600"},
		{"a\x1b[2J\nroot 1\x00", "a", 'S', "a?[2J?root 1"},
		{"", "kworker", 'I', "[kworker]"},
		{"", "gone\x07", 'Z', "[gone?] <defunct>"},
		{"größe\x00", "x", 'S', "größe"},
	} {
		if got := command([]byte(row.arguments), row.comm, row.state); got != row.want {
			t.Errorf("%q: got %q, want %q", row.arguments, got, row.want)
		}
	}
}

func TestTTYName(t *testing.T) {
	for device, want := range map[uint32]string{0: "?", 34816: "pts/0", 35071: "pts/255", 1025: "tty1", 1088: "ttyS0", 0x501: "5:1"} {
		if got := ttyName(device); got != want {
			t.Errorf("%#x: got %q, want %q", device, got, want)
		}
	}
}

// This process is described as it is, and one that does not exist is left out.
func TestRows(t *testing.T) {
	rows, err := Rows([]int{os.Getpid(), 1 << 30})
	if err != nil || len(rows) != 1 {
		t.Fatalf("%+v, %v", rows, err)
	}
	r := rows[0]
	if r.Pid != os.Getpid() || r.Parent != os.Getppid() || !strings.Contains(r.Command, "proctable.test") {
		t.Errorf("%+v", r)
	}
	if age := time.Since(r.Started); age < 0 || age > time.Hour {
		t.Errorf("started %v ago", age)
	}
}

func TestFilter(t *testing.T) {
	const output = "UID          PID    PPID CMD\nroot           1       0 init\nuser          12       1 sh -c 1\nuser         123       1 x\n"
	got, err := filter(output, []int{1, 123})
	if want := "UID          PID    PPID CMD\nroot           1       0 init\nuser         123       1 x\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"", "USER CMD\nroot x\n", "CMD PID\na b 12\n", "USER PID\nroot\n"} {
		if got, err := filter(bad, []int{1}); err == nil {
			t.Errorf("%q is accepted: %q", bad, got)
		}
	}
}

// A complaint of ps is in the error, and an output without end ends.
func TestRunPs(t *testing.T) {
	script := func(body string) string {
		path := t.TempDir() + "/ps"
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if _, err := runPs(script("echo unknown option >&2; exit 3"), nil); err == nil || !strings.Contains(err.Error(), "status 3: unknown option") {
		t.Errorf("error %v", err)
	}
	if _, err := runPs(script("exec yes"), nil); err == nil {
		t.Error("endless output is accepted")
	}
	if out, err := runPs(script(`echo "$@"`), []string{"-o", strconv.Itoa(7)}); err != nil || out != "-o 7\n" {
		t.Errorf("%q, %v", out, err)
	}
}
