package state

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

func newRoot(t *testing.T) *Root {
	t.Helper()
	r, err := OpenRoot(filepath.Join(t.TempDir(), "root"), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func create(t *testing.T, r *Root, id string) *Dir {
	t.Helper()
	d, err := r.Create(id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// B14: an id is one path component, in every verb; all of them get here.
func TestCheckID(t *testing.T) {
	good := []string{"a", "A-1_b+c.d", strings.Repeat("x", 255)}
	bad := []string{"", ".", "..", ".x", "a/b", "../x", "a b", "a\x00", "ä", strings.Repeat("x", 256)}
	for _, id := range good {
		if err := CheckID(id); err != nil {
			t.Errorf("%q refused: %v", id, err)
		}
	}
	for _, id := range bad {
		if CheckID(id) == nil {
			t.Errorf("%q accepted", id)
		}
	}
}

func TestCreateTakesAnIDOnce(t *testing.T) {
	r := newRoot(t)
	d := create(t, r, "one")
	defer d.Close()
	if _, err := r.Create("one"); err != fault.ErrExist {
		t.Fatalf("second create: %v", err)
	}
	if _, err := r.Open("two"); err != fault.ErrNotExist {
		t.Fatalf("open of nothing: %v", err)
	}
}

// Every field of a record comes back, so a field that json.go does not know fails here.
func TestRecordRoundTrip(t *testing.T) {
	d := create(t, newRoot(t), "one")
	defer d.Close()
	want := &Record{}
	fill(reflect.ValueOf(want).Elem())
	want.Created = time.Unix(1, 5).UTC()
	if err := d.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := d.Load()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// fill gives every field a value that differs from zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(7)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(1<<32 - 2)
	case reflect.String:
		v.SetString("a \"text\"\n")
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"k": "v"}))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Array:
		fill(v.Index(0))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	}
}

// A record that is not ours to understand is an error with the file's name, never a guess.
func TestLoadRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"newer version": `{"version": 99, "id": "one"}`,
		"other id":      `{"version": 1, "id": "two"}`,
		"half written":  `{"version": 1, "id"`,
	} {
		t.Run(name, func(t *testing.T) {
			d := create(t, newRoot(t), "one")
			defer d.Close()
			if err := d.write("state.json", []byte(content)); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Load(); err == nil || !strings.Contains(err.Error(), "state.json") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// S2: whoever waits for the lock of a directory that goes away sees that there is no container.
func TestLockOfARemovedDirectory(t *testing.T) {
	r := newRoot(t)
	d := create(t, r, "one")
	waiting, err := r.Open("one")
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	if !waiting.Busy() {
		t.Error("a locked directory is not busy")
	}
	result := make(chan error)
	go func() { result <- waiting.Lock() }()
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if err := <-result; err != fault.ErrNotExist {
		t.Fatalf("got %v", err)
	}
}

// Security rule 14: a root that somebody else controls is refused.
func TestOpenRootRefuses(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	group := filepath.Join(dir, "group")
	if err := errors.Join(os.Mkdir(group, 0o700), os.Chmod(group, 0o770)); err != nil {
		t.Fatal(err)
	}
	paths := []string{open, link, group}
	if unix.Geteuid() == 0 {
		foreign := filepath.Join(dir, "foreign")
		if err := errors.Join(os.Mkdir(foreign, 0o700), os.Chown(foreign, 1000, 1000)); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, foreign)
	}
	for _, path := range paths {
		if r, err := OpenRoot(path, false); err == nil {
			r.Close()
			t.Errorf("%s accepted", path)
		}
	}
	if _, err := OpenRoot(filepath.Join(dir, "none"), false); !errors.Is(err, fault.ErrNotExist) {
		t.Errorf("a root that does not exist: %v", err)
	}
}

func TestIDsLeavesOutWhatIsNotOurs(t *testing.T) {
	r := newRoot(t)
	for _, id := range []string{"b", "a"} {
		create(t, r, id).Close()
	}
	os.Mkdir(r.CacheDir(), 0o700)
	os.Mkdir(filepath.Join(r.Path, "no id"), 0o700)
	os.WriteFile(filepath.Join(r.Path, "file"), nil, 0o600)
	ids, err := r.IDs()
	if err != nil || len(ids) != 2 || ids[0] != "a" || ids[1] != "b" {
		t.Fatalf("got %q, %v", ids, err)
	}
}

// The gate is reached through the directory's descriptor, so the length of the path does not matter (Q5).
func TestGateBelowALongPath(t *testing.T) {
	r, err := OpenRoot(filepath.Join(t.TempDir(), strings.Repeat("x", 150)), true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	d := create(t, r, "one")
	defer d.Close()
	if _, err := d.ListenGate(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.DialGate(); err != nil {
		t.Fatal(err)
	}
}

// Whoever holds the lock for ever is waited for no longer than the deadline, and the error says what to look for.
func TestLockDeadline(t *testing.T) {
	root := newRoot(t)
	holder, err := root.Create("c1")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	waiter, err := root.Open("c1")
	if err != nil {
		t.Fatal(err)
	}
	defer waiter.Close()
	err = waiter.lockWithin(30 * time.Millisecond)
	if !errors.Is(err, fault.ErrTimeout) || !strings.Contains(err.Error(), "another command is working on this container") {
		t.Errorf("%v", err)
	}
	holder.Unlock()
	if err := waiter.lockWithin(time.Minute); err != nil {
		t.Errorf("after it was given up: %v", err)
	}
}

// Those who enter do not wait for each other; who stops all waits for them, up to the deadline.
func TestEntryLock(t *testing.T) {
	root := newRoot(t)
	d, err := root.Create("c1")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.LockEntry(unix.LOCK_SH); err == nil || !strings.Contains(err.Error(), "delete --force") {
		t.Errorf("without a configuration: %v", err)
	}
	if err := d.SaveConfig([]byte("{}")); err != nil {
		t.Fatal(err)
	}
	var entering [2]int
	for i := range entering {
		if entering[i], err = d.lockEntryWithin(unix.LOCK_SH, 0); err != nil {
			t.Fatal(err)
		}
	}
	unix.Close(entering[0])
	_, err = d.lockEntryWithin(unix.LOCK_EX, 30*time.Millisecond)
	if !errors.Is(err, fault.ErrTimeout) || !strings.Contains(err.Error(), "a pause or an exec of this container does not end") {
		t.Errorf("while one enters: %v", err)
	}
	unix.Close(entering[1])
	fd, err := d.LockEntry(unix.LOCK_EX)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
}

// K6: whoever reads while the record is written anew finds one or the other, whole.
func TestSaveIsAtomic(t *testing.T) {
	root := newRoot(t)
	d := create(t, root, "c1")
	defer d.Close()
	record := func(n int) *Record { return &Record{OCIVersion: strings.Repeat(strconv.Itoa(n), 50_000)} }
	if err := d.Save(record(1)); err != nil {
		t.Fatal(err)
	}
	written := make(chan error)
	go func() {
		var err error
		for i := 0; i < 300 && err == nil; i++ {
			err = d.Save(record(i % 10))
		}
		written <- err
	}()
	for {
		select {
		case err := <-written:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
		r, err := d.Load()
		if err != nil {
			t.Fatal(err)
		}
		if v := r.OCIVersion; len(v) != 50_000 || strings.Trim(v, v[:1]) != "" {
			t.Fatalf("half a record of %d bytes", len(v))
		}
	}
}
