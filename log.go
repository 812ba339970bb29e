package main

import (
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/internal/syslog"
)

// The values of --log-format.
const (
	formatText = "text"
	formatJSON = "json"
)

// level orders log lines; a greater one says more.
type level int

const (
	levelError level = iota
	levelWarning
	levelDebug
)

func (l level) String() string {
	switch l {
	case levelError:
		return "error"
	case levelWarning:
		return "warning"
	}
	return "debug"
}

// logger writes log lines where the global flags want them. Its zero level logs errors only.
//
// Callers read the log file back. The containerd shim takes the last line with level error; Podman decodes the whole file
// as one JSON object. So a verb that fails leaves exactly one line, and one that goes well leaves none, unless more was
// asked for.
type logger struct {
	path   string // value of --log: a file, or a place as below; empty: lines go to stderr
	json   bool
	level  level
	stderr io.Writer
	now    func() time.Time
	fd     int // of the file, opened by the first line, so that success touches no disk; −1 until then

	sockets struct{ journal, syslog string } // of the host's logs
}

// setLog takes the log flags over.
func (p *program) setLog() error {
	g := &p.global
	p.log.path = g.logFile
	switch g.logFormat {
	case formatText, "":
	case formatJSON:
		p.log.json = true
	default:
		return badValue("log-format", g.logFormat, "text and json")
	}
	switch {
	case g.debug || g.logLevel == "debug":
		p.log.level = levelDebug
	case g.logLevel == "error", g.logLevel == "" && g.logFile != "":
		p.log.level = levelError
	case g.logLevel == "warning", g.logLevel == "":
		p.log.level = levelWarning
	default:
		return badValue("log-level", g.logLevel, "error, warning and debug")
	}
	return nil
}

func (l *logger) enabled(lv level) bool { return lv <= l.level }

func (l *logger) warning(msg string) { l.print(levelWarning, msg) }
func (l *logger) debug(msg string)   { l.print(levelDebug, msg) }

// print logs one line, if its level is enabled. A log that cannot be written is said on stderr, and does not stop a verb.
func (l *logger) print(lv level, msg string) {
	if !l.enabled(lv) {
		return
	}
	if l.path == "" {
		_, _ = l.stderr.Write(l.line(lv, msg)) // nowhere is left to report that stderr is gone
		return
	}
	if err := l.deliver(lv, msg); err != nil {
		l.onStderr((&fault.Error{Op: "log", Path: l.path, Err: err}).Error())
	}
}

// fatal reports the error that ends the program: in the log, and always on stderr, where CRI-O, conmon and buildah look.
// An error of several lines is a list of problems; callers get the first one.
func (l *logger) fatal(err error) {
	first, rest, more := strings.Cut(err.Error(), "\n")
	if more && !l.enabled(levelDebug) {
		first += "; --debug shows " + strconv.Itoa(strings.Count(rest, "\n")+1) + " more"
	}
	if more {
		for problem := range strings.SplitSeq(rest, "\n") {
			l.debug(problem)
		}
	}
	l.print(levelError, first)
	if l.path != "" {
		l.onStderr(first)
	}
}

// onStderr writes an error in text form whatever the format of the log file is: readers of stderr search it for words.
func (l *logger) onStderr(msg string) {
	_, _ = l.stderr.Write(textLine(l.now(), levelError, msg))
}

// deliver takes the value of --log as crun does: "journald:NAME" and "syslog:NAME" are the logs of the host, in which NAME
// tells whose message it is, and "file:" may be in front of a path.
func (l *logger) deliver(lv level, msg string) error {
	place, name, ok := strings.Cut(l.path, ":")
	switch {
	case ok && place == "journald":
		return syslog.Journal(l.sockets.journal, name, lv.severity(), msg)
	case ok && place == "syslog":
		return syslog.Syslog(l.sockets.syslog, name, lv.severity(), msg)
	}
	return l.append(l.line(lv, msg))
}

// severity is the level as syslog(3) has it.
func (l level) severity() int {
	switch l {
	case levelError:
		return syslog.Error
	case levelWarning:
		return syslog.Warning
	}
	return syslog.Debug
}

// append adds a whole line by one write(2): O_APPEND keeps lines of concurrent verbs apart. A FIFO that nobody reads loses it:
// what stands in there is on stderr as well, and a verb that waits for a reader of its log is worse.
func (l *logger) append(line []byte) error {
	if l.fd < 0 {
		const flags = unix.O_WRONLY | unix.O_CREAT | unix.O_APPEND | unix.O_NONBLOCK | unix.O_CLOEXEC
		fd, err := unix.Open(strings.TrimPrefix(l.path, "file:"), flags, 0o644)
		if err == unix.ENXIO {
			return fault.Text("nobody reads the FIFO")
		}
		if err != nil {
			return err
		}
		l.fd = fd
	}
	n, err := unix.Write(l.fd, line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	return err
}

func (l *logger) close() {
	if l.fd >= 0 {
		_ = unix.Close(l.fd) // every line was written and checked on its own
	}
}

func (l *logger) line(lv level, msg string) []byte {
	if l.json {
		return jsonLine(l.now(), lv, msg)
	}
	return textLine(l.now(), lv, msg)
}

// textLine is the form that runc's callers know: time="2026-01-02T03:04:05Z" level=error msg="...". Times are UTC, because
// local time would cost reading the time zone file.
func textLine(t time.Time, lv level, msg string) []byte {
	b := append([]byte(`time="`), t.UTC().Format(time.RFC3339)...)
	b = append(b, `" level=`...)
	b = append(b, lv.String()...)
	b = append(b, " msg="...)
	b = strconv.AppendQuote(b, msg)
	return append(b, '\n')
}

// jsonLine is one object on one line, without spaces: some callers search for "level":"error". Time must be RFC 3339: the
// containerd shim drops a line whose time it cannot read.
func jsonLine(t time.Time, lv level, msg string) []byte {
	b := appendString([]byte(`{"level":`), lv.String())
	b = appendString(append(b, `,"msg":`...), msg)
	b = appendString(append(b, `,"time":`...), t.UTC().Format(time.RFC3339))
	return append(b, "}\n"...)
}
