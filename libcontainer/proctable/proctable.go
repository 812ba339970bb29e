// Package proctable describes processes as ps(1) does: its default columns from /proc, or whatever the host's own ps
// prints about them.
//
// It is given the pids and knows nothing of containers. It changes nothing.
package proctable

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/passwd"
)

// Row is one process, with the columns of `ps -ef`.
type Row struct {
	User    string // name of the effective user on the host, or the number
	Pid     int
	Parent  int
	CPU     int // percent of its life that it ran
	Started time.Time
	TTY     string        // "pts/3"; "?" without one
	Time    time.Duration // of CPU
	Command string        // arguments, with everything that could move a cursor replaced
}

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, which is 100 on all architectures that tare runs on.
const clockTick = time.Second / 100

// Rows describes the processes, in the order of their pids; those that have ended meanwhile are left out.
func Rows(pids []int) ([]Row, error) {
	boot, err := bootTime()
	if err != nil {
		return nil, err
	}
	now, names := time.Now(), map[uint32]string{}
	rows := make([]Row, 0, len(pids))
	for _, pid := range pids {
		row, uid, ok := describe(pid, boot, now)
		if !ok {
			continue
		}
		if _, known := names[uid]; !known {
			names[uid] = userName(uid)
		}
		row.User = names[uid]
		rows = append(rows, row)
	}
	return rows, nil
}

func userName(uid uint32) string {
	if name := passwd.Name(uid); name != "" {
		return printable(name)
	}
	return strconv.FormatUint(uint64(uid), 10)
}

// bootTime is the moment from which the start times of processes count. It is computed from the clock that counts them:
// btime of /proc/stat is rounded to seconds.
func bootTime() (time.Time, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return time.Time{}, &fault.Error{Op: "clock_gettime", Err: err}
	}
	return time.Now().Add(-time.Duration(up.Nano())), nil
}

func describe(pid int, boot, now time.Time) (row Row, uid uint32, ok bool) {
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	stat, err := readFile(dir+"stat", 1<<10)
	if err != nil {
		return row, 0, false
	}
	row, comm, state, ok := parseStat(stat, boot, now)
	if !ok {
		return row, 0, false
	}
	status, err := readFile(dir+"status", 8<<10)
	if err != nil {
		return row, 0, false
	}
	uid, ok = effectiveUID(status)
	if !ok {
		return row, 0, false
	}
	arguments, _ := readFile(dir+"cmdline", 64<<10) // none for a zombie and for kernel threads
	row.Command = command(arguments, comm, state)
	return row, uid, true
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The name may contain brackets and spaces, so what is behind the last
// bracket is counted.
func parseStat(line []byte, boot, now time.Time) (row Row, comm string, state byte, ok bool) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return row, "", 0, false
	}
	fields := strings.Fields(string(line[end+1:])) // from field 3 on
	if len(fields) < 20 {
		return row, "", 0, false
	}
	var numbers [22]int64
	for i := 1; i < 20; i++ {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			unsigned, err := strconv.ParseUint(fields[i], 10, 64)
			if err != nil {
				return row, "", 0, false
			}
			n = int64(unsigned)
		}
		numbers[i+3-1] = n // numbers[n] is field n+1
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(line[:open])))
	if err != nil {
		return row, "", 0, false
	}
	row = Row{
		Pid: pid, Parent: int(numbers[3]), TTY: ttyName(uint32(numbers[6])),
		Time:    time.Duration(numbers[13]+numbers[14]) * clockTick,
		Started: boot.Add(time.Duration(numbers[21]) * clockTick),
	}
	if life := now.Sub(row.Started); life > 0 && row.Time > 0 {
		row.CPU = int(min(100*row.Time.Seconds()/life.Seconds(), 99)) // ps has room for two digits
	}
	return row, string(line[open+1 : end]), fields[0][0], true
}

// ttyName names the terminals that a container has: pseudoterminals, consoles and serial lines (devices.txt of the kernel).
func ttyName(device uint32) string {
	major, minor := unix.Major(uint64(device)), unix.Minor(uint64(device))
	number := strconv.Itoa(int(minor))
	switch {
	case device == 0:
		return "?"
	case major >= 136 && major <= 143:
		return "pts/" + strconv.Itoa(int(major-136)<<8+int(minor))
	case major == 4 && minor < 64:
		return "tty" + number
	case major == 4:
		return "ttyS" + strconv.Itoa(int(minor)-64)
	}
	return strconv.Itoa(int(major)) + ":" + number
}

// effectiveUID reads the second number behind "Uid:" in /proc/PID/status. The owner of the directory would be root for a
// process that may not be traced.
func effectiveUID(status []byte) (uint32, bool) {
	for line := range bytes.Lines(status) {
		rest, ok := bytes.CutPrefix(line, []byte("Uid:"))
		if !ok {
			continue
		}
		fields := bytes.Fields(rest)
		if len(fields) < 2 {
			return 0, false
		}
		n, err := strconv.ParseUint(string(fields[1]), 10, 32)
		return uint32(n), err == nil
	}
	return 0, false
}

// command is what ps prints: the arguments, or the name in brackets where there are none.
func command(arguments []byte, comm string, state byte) string {
	if state == 'Z' {
		return "[" + printable(comm) + "] <defunct>"
	}
	text := strings.TrimRight(string(arguments), "\x00")
	if text == "" {
		return "[" + printable(comm) + "]"
	}
	return printable(strings.ReplaceAll(text, "\x00", " "))
}

// printable replaces what a terminal would obey: the arguments are the container's, the terminal is the administrator's.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// readFile reads at most limit bytes.
func readFile(path string, limit int) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf, n := make([]byte, min(limit, 4<<10)), 0
	for n < limit {
		if n == len(buf) {
			buf = append(buf, make([]byte, min(len(buf), limit-n))...)
		}
		m, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m == 0 {
			break
		}
		n += m
	}
	return buf[:n], nil
}
