package fault

import (
	"errors"
	"io/fs"
	"testing"

	"golang.org/x/sys/unix"
)

func TestError(t *testing.T) {
	for _, row := range []struct {
		name, want string
		err        Error
	}{
		{"everything", `config.json /mounts/3/source: bind "/srv": no such file or directory; create it`,
			Error{Op: "bind", Pointer: "/mounts/3/source", Path: "/srv", Err: unix.ENOENT, Hint: "create it"}},
		{"another file", `process.json /args: is empty`, Error{File: "process.json", Pointer: "/args", Err: Text("is empty")}},
		{"a file alone", `process.json: is empty`, Error{File: "process.json", Err: Text("is empty")}},
		{"a name that is not printed as it is", `open "a\nb": permission denied`, Error{Op: "open", Path: "a\nb", Err: unix.EACCES}},
		{"a path alone", `"/srv": permission denied`, Error{Path: "/srv", Err: unix.EACCES}},
		{"a reason alone", `container not running`, Error{Err: ErrNotRunning}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.err.Error(); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			if !errors.Is(&row.err, row.err.Err) {
				t.Error("the reason cannot be found")
			}
		})
	}
}

func TestAt(t *testing.T) {
	for _, row := range []struct {
		name, at, want string
		err            error
	}{
		{"no pointer yet", "/mounts/3", "/mounts/3", &Error{Err: unix.ENOENT}},
		{"its own pointer", "/mounts/3", "/root/path", &Error{Pointer: "/root/path", Err: unix.ENOENT}},
		{"a member of what At names", "/mounts/3", "/mounts/3/source", &Error{Pointer: "source", Err: unix.ENOENT}},
		{"members of members", "/mounts/3", "/mounts/3/options/1", At("options", &Error{Pointer: "1", Err: unix.ENOENT})},
		{"another error", "/mounts/3", "/mounts/3", unix.ENOENT},
		{"nothing to put on", "", "source", &Error{Pointer: "source", Err: unix.ENOENT}},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := At(row.at, row.err)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Pointer != row.want || !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%#v", err)
			}
		})
	}
	if At("/mounts/3", nil) != nil {
		t.Error("nil is an error")
	}
	given := &Error{Err: unix.ENOENT}
	if At("/mounts/3", given); given.Pointer != "" {
		t.Error("the error that was given has changed")
	}
}

func TestPtr(t *testing.T) {
	if got := Ptr("linux", "sysctl", "a/b~c", 3); got != "/linux/sysctl/a~1b~0c/3" {
		t.Error(got)
	}
}
