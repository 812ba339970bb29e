package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// newPrograms makes a directory with one file of each kind.
func newPrograms(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range []struct {
		name string
		mode os.FileMode
	}{{"first/tool", 0o755}, {"second/tool", 0o755}, {"second/only", 0o755}, {"first/plain", 0o644}, {"second/plain", 0o755}, {"first/denied", 0o644}, {"second/root", 0o700}} {
		file := filepath.Join(dir, f.name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("#!/bin/sh\n"), f.mode), os.Chmod(file, f.mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(dir+"/first/only", 0o755), os.Chmod(dir, 0o755), os.Symlink("only", dir+"/second/link")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// E9: execvp(3), with the words that engines match (D is the directory of the test).
func TestLookPath(t *testing.T) {
	dir := newPrograms(t)
	const path = "PATH=D/first:D/second/:D/none"
	for _, tc := range []struct {
		name, program string
		env           []string
		want, wantErr string
	}{
		{name: "first entry wins", program: "tool", env: []string{path}, want: "D/first/tool"},
		{name: "directory passed over", program: "only", env: []string{path}, want: "D/second/only"},
		{name: "not executable, found later", program: "plain", env: []string{path}, want: "D/second/plain"},
		{name: "link", program: "link", env: []string{path}, want: "D/second/link"},
		{name: "last PATH wins", program: "tool", env: []string{path, "PATH=D/second"}, want: "D/second/tool"},
		{name: "empty entry is the working directory", program: "tool", env: []string{"PATH=:D/second"}, want: "tool"},
		{name: "no PATH", program: "sh", want: "/bin/sh"},
		{name: "absolute", program: "D/second/only", want: "D/second/only"},
		{name: "relative with slash", program: "./tool", want: "./tool"},

		{name: "nowhere", program: "nosuch", env: []string{path}, wantErr: `exec: "nosuch": executable file not found in $PATH`},
		{name: "empty name", program: "", env: []string{path}, wantErr: `exec: "": executable file not found in $PATH`},
		{name: "empty PATH", program: "sh", env: []string{"PATH=D/none"}, wantErr: `exec: "sh": executable file not found in $PATH`},
		{name: "found but not executable", program: "denied", env: []string{path}, wantErr: `exec: "denied": permission denied; no x bit is set in its mode`},
		{name: "absolute and missing", program: "/no/such", wantErr: `exec: "/no/such": stat /no/such: no such file or directory`},
		{name: "absolute and not executable", program: "D/first/plain", wantErr: `exec: "D/first/plain": permission denied; no x bit is set in its mode`},
		{name: "absolute directory", program: "D/first", wantErr: `exec: "D/first": is a directory`},
		{name: "below a file", program: "D/first/tool/x", wantErr: `exec: "D/first/tool/x": stat D/first/tool/x: not a directory`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := func(s string) string {
				if rest, ok := strings.CutPrefix(s, "D/"); ok {
					return dir + "/" + rest
				}
				return strings.NewReplacer("=D/", "="+dir+"/", ":D/", ":"+dir+"/", `"D/`, `"`+dir+"/", " D/", " "+dir+"/").Replace(s)
			}
			var env []string
			for _, e := range tc.env {
				env = append(env, in(e))
			}
			onThread(t, func() {
				if err := unix.Chdir(dir + "/first"); err != nil {
					t.Error(err)
				}
				got, err := LookPath(in(tc.program), env)
				if got != in(tc.want) || (err != nil) != (tc.wantErr != "") || err != nil && err.Error() != in(tc.wantErr) {
					t.Errorf("got  %q, %v\nwant %q, %s", got, err, in(tc.want), in(tc.wantErr))
				}
			})
		})
	}
}

// E9: the question is whether the container's user may execute the file, on the mount it is on.
func TestLookPathAsUser(t *testing.T) {
	defer unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
	dir := newPrograms(t)
	// The parents of a test's directory are closed to others; a root of its own has none.
	inRoot(t, dir, func() {
		if _, err := LookPath("/second/root", nil); err != nil {
			t.Errorf("as root: %v", err)
		}
		if _, err := Identity(&step.Identity{UID: 1000, GID: 1000}); err != nil {
			t.Error(err)
		}
		if _, err := LookPath("root", []string{"PATH=/second"}); !errors.Is(err, unix.EACCES) {
			t.Errorf("as user: %v, want EACCES", err)
		}
		if got, err := LookPath("tool", []string{"PATH=/second"}); err != nil || got != "/second/tool" {
			t.Errorf("as user: %q, %v", got, err)
		}
	})
}

func TestLookPathNoexec(t *testing.T) {
	dir := t.TempDir()
	onThread(t, func() {
		err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOEXEC, "size=64k"), os.WriteFile(dir+"/x", []byte("#!/bin/sh\n"), 0o755))
		if err != nil {
			t.Error(err)
		}
		_, err = LookPath(dir+"/x", nil)
		if want := `exec: "` + dir + `/x": permission denied; the filesystem it lies on is mounted noexec`; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	})
}

// A path from config.json cannot write a second line into the log.
func TestLookPathStaysOnOneLine(t *testing.T) {
	_, err := LookPath("/nosuch\nlevel=error", nil)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}
