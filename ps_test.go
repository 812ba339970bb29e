package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/tare-run/tare/libcontainer"
)

// C31, A5: which question each command line asks, and how the answer is printed.
func TestPs(t *testing.T) {
	for _, row := range []struct {
		name    string
		args    []string
		call    string
		options any
		stdout  string
	}{
		{"json as go-runc asks", []string{"ps", "--format", "json", "web1"}, "ps", nil, "[1,20]\n"},
		{"short", []string{"ps", "-f", "json", "web1"}, "ps", nil, "[1,20]\n"},
		{"after the ID", []string{"ps", "web1", "--format=json"}, "ps", nil, "[1,20]\n"},
		{"after the ID, short", []string{"ps", "web1", "-f", "json"}, "ps", nil, "[1,20]\n"},
		{"options of ps", []string{"ps", "web1", "-ef"}, "host ps", []string{"-ef"}, "from the host\n"},
		{"an option of ps that is spelled as ours", []string{"ps", "web1", "-f", "-p", "1"}, "host ps", []string{"-f", "-p", "1"}, "from the host\n"},
		{"one with a value", []string{"ps", "web1", "--format", "pid,args"}, "host ps", []string{"--format", "pid,args"}, "from the host\n"},
		{"a table asked for, and options", []string{"ps", "web1", "--format", "table", "aux"}, "host ps", []string{"aux"}, "from the host\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &recorder{pids: []int{1, 20}}
			got := invoke(r, row.args...)
			if got.status != 0 || got.stdout != row.stdout {
				t.Errorf("%+v", got)
			}
			if r.call != row.call || r.id != "web1" || !reflect.DeepEqual(r.options, row.options) && row.options != nil {
				t.Errorf("called %s of %s with %v", r.call, r.id, r.options)
			}
		})
	}
	if got := invoke(&recorder{}, "ps", "-f", "json", "web1"); got.stdout != "[]\n" {
		t.Errorf("no processes: %q", got.stdout)
	}
	if got := invoke(&recorder{}, "ps", "-f", "yaml", "web1"); got.status != 1 {
		t.Errorf("an unknown format is accepted: %+v", got)
	}
	if got := invoke(&recorder{}, "ps"); got.status != 1 {
		t.Errorf("no ID is accepted: %+v", got)
	}
}

func TestPsTable(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.Local)
	rows := []libcontainer.ProcessRow{
		{User: "root", Pid: 1, CPU: 7, Started: now.Add(-2 * time.Hour), TTY: "?", Time: 3725 * time.Second, Command: "/sbin/init --x"},
		{User: "systemd-network", Pid: 1234567, Parent: 1, Started: now.Add(-48 * time.Hour), TTY: "pts/12", Time: 49 * time.Hour, Command: "[kworker]"},
		{User: "1000", Pid: 30, Parent: 1, Started: now.AddDate(-2, 0, 0), TTY: "?", Command: "sh"},
	}
	const want = "UID          PID    PPID  C STIME TTY          TIME CMD\n" +
		"root           1       0  7 10:00 ?        01:02:05 /sbin/init --x\n" +
		"systemd+ 1234567       1  0 Mar02 pts/12   2-01:00:00 [kworker]\n" +
		"1000          30       1  0  2024 ?        00:00:00 sh\n"
	if got := psTable(rows, now); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
