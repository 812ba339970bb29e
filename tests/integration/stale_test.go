package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// State that is not what it was: after a reboot, of another version, half written, of somebody else.

// record edits the record of a container as somebody with a text editor would.
func (b *bundle) record(change func(map[string]any)) {
	b.t.Helper()
	path := filepath.Join(stateRoot(), b.id, "state.json")
	var record map[string]any
	decoder := json.NewDecoder(strings.NewReader(read(b.t, path)))
	decoder.UseNumber()
	must(b.t, decoder.Decode(&record))
	change(record)
	text, err := json.Marshal(record)
	must(b.t, err)
	must(b.t, os.WriteFile(path, text, 0o600))
}

// K4 C23 C28: the pid of a record is another process now, as after a reboot: the container has stopped, nobody else is
// signalled, and delete removes what is left.
func TestPidOfAnother(t *testing.T) {
	b := newBundle(t)
	b.create()
	// A pid comes back after all others have had their turn, and the kernel tells starts apart by ticks of 10 ms.
	tick := startTick(t, b.pid)
	eventually(t, "a tick has passed", func() bool { return startTick(t, idler(t)) != tick })
	b.kill("KILL")
	b.wait()
	bystander := idler(t)
	b.record(func(r map[string]any) { r["init"].(map[string]any)["pid"] = bystander })
	wants(t, "status", b.state().Status, "stopped")
	b.try("kill").fails("container not running")
	b.exec(nil, "true").refuses("cannot exec in a stopped container")
	b.try("start").fails("cannot start a container that has stopped")
	b.try("pause").fails("container not running")
	b.try("delete").succeeds()
	if err := syscall.Kill(bystander, 0); err != nil {
		t.Errorf("the bystander: %v", err)
	}
	b.nothingLeft()
}

// startTick is when a process was started (proc_pid_stat(5), field 22).
func startTick(t *testing.T, pid int) string {
	t.Helper()
	stat := read(t, "/proc/"+itoa(pid)+"/stat")
	return strings.Fields(stat[strings.LastIndex(stat, ")"):])[20]
}

// idler is a process that was started just now, and is gone when the test ends.
func idler(t *testing.T) int {
	t.Helper()
	c := exec.Command("sleep", "600")
	must(t, c.Start())
	inits[c.Process.Pid] = true
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		delete(inits, c.Process.Pid)
	})
	return c.Process.Pid
}

// A reboot takes processes and cgroups along, and leaves a root that is not on a tmpfs.
func TestStateFromBeforeAReboot(t *testing.T) {
	b := newBundle(t)
	b.create()
	b.kill("KILL")
	b.wait()
	for _, mount := range cgroupMounts(t) {
		os.Remove(filepath.Join(mount, b.id))
	}
	b.record(func(r map[string]any) { r["init"].(map[string]any)["pid"] = 1<<22 - 1 }) // the highest; nobody has it
	wants(t, "status", b.state().Status, "stopped")
	b.try("delete").succeeds()
	b.nothingLeft()
	b.try("create").succeeds()
}

// A record that cannot be believed is an error that says so; list shows the entry (K10). It is never guessed at.
func TestUnbelievableRecords(t *testing.T) {
	for _, row := range []struct {
		name, text, want string
	}{
		{"newer version", `{"version": 99, "id": "ID"}`, "version 99"},
		{"of another container", `{"version": 1, "id": "other"}`, `"other"`},
		{"half written", `{"version": 1, "id": "ID", "creat`, "is cut off; kill its processes"},
		{"empty", ``, "is cut off; kill its processes"},
		{"no object", `[]`, "not the record of a container; kill its processes"},
	} {
		b := newBundle(t)
		dir := filepath.Join(stateRoot(), b.id)
		must(t, os.Mkdir(dir, 0o700))
		must(t, os.WriteFile(filepath.Join(dir, "state.json"), []byte(strings.ReplaceAll(row.text, "ID", b.id)), 0o600))
		for _, verb := range []string{"state", "kill", "start", "delete", "pause"} {
			b.try(verb).fails("state.json", row.want)
		}
		b.try("delete", "--force").fails("state.json", row.want)
		b.exec(nil, "true").refuses("state.json", row.want)
		b.try("create").fails("container with given ID already exists")
		if out := run(t, "list", "-q").succeeds().stdout; !strings.Contains(out, b.id) {
			t.Errorf("%s: list prints %q", row.name, out)
		}
		must(t, os.RemoveAll(dir)) // what it owned, if anything, nobody knows
	}
}

// What else is in the directory of a container stays, and the error says what it is not.
func TestForeignFileOfAContainer(t *testing.T) {
	b := newBundle(t).create()
	dir := filepath.Join(stateRoot(), b.id)
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600))
	b.try("delete").fails(dir, "directory not empty", "is not tare's")
	must(t, os.Remove(filepath.Join(dir, "notes.txt")))
	b.try("delete", "--force").succeeds()
	b.nothingLeft()
}

// A root that is removed while the container waits is named as what start misses.
func TestRootRemoved(t *testing.T) {
	b := newBundle(t).create()
	must(t, os.RemoveAll(b.path("/")))
	b.try("start").fails("/process/cwd", "has been removed since create")
	b.wait()
	b.try("delete").succeeds()
	b.nothingLeft()
}

// What is not ours in the root is left alone, and is no container.
func TestForeignFilesInTheRoot(t *testing.T) {
	b := newBundle(t)
	root := filepath.Join(b.dir, "root")
	must(t, os.Mkdir(root, 0o700))
	must(t, os.WriteFile(filepath.Join(root, "notes.txt"), nil, 0o600))
	must(t, os.Symlink("/", filepath.Join(root, "link")))
	at := func(args ...string) result {
		return invoke(t, invocation{args: append([]string{"--root", root}, args...)})
	}
	wants(t, "list", at("list", "-q").succeeds().stdout, "")
	for _, id := range []string{"notes.txt", "link"} {
		if r := at("delete", "--force", id); r.status == 0 && !exists(filepath.Join(root, id)) {
			t.Errorf("%s is gone: %v", id, r)
		}
		if r := at("state", id); r.status != 1 {
			t.Errorf("%v", r)
		}
	}
	if !exists(filepath.Join(root, "link")) || !exists(filepath.Join(root, "notes.txt")) {
		t.Error("something that is not ours was removed")
	}
}

// A full disk and a directory that cannot be written to are errors of create that leave nothing.
func TestNoRoomForState(t *testing.T) {
	b := newBundle(t)
	b.writeConfig()
	root := b.directory("small")
	must(t, unix.Mount("tmpfs", root, "tmpfs", 0, "size=8k,mode=700"))
	defer unix.Unmount(root, unix.MNT_DETACH)
	at := func() result {
		return invoke(t, invocation{dir: b.dir, args: []string{"--root", root, "create", b.id}})
	}
	at().fails("no space left on device")
	if left := names(t, root); strings.Contains(strings.Join(left, " "), b.id) {
		t.Errorf("left: %q", left)
	}
	must(t, unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	at().fails("read-only file system")
	must(t, unix.Unmount(root, unix.MNT_DETACH))
	b.nothingLeft()
}

// Input without measure is refused at once, and does not take memory to be looked at.
func TestInputIsBounded(t *testing.T) {
	b := newBundle(t)
	b.writeConfig()
	config := read(t, filepath.Join(b.dir, "config.json"))
	for _, row := range []struct{ name, text, want string }{
		{"100 MB", strings.Repeat(" ", 100<<20), "file too large"},
		{"deep arrays", `{"a": ` + strings.Repeat("[", 1<<20), "config.json"},
		{"deep objects", strings.Repeat(`{"linux":`, 1<<18), "config.json"},
		{"a million mounts", strings.Replace(config, `"mounts":[`, `"mounts":[`+strings.Repeat(`{"a":1},`, 1<<20), 1), "config.json"},
		{"a million numbers", `{"process": {"user": {"additionalGids": [` + strings.Repeat("1,", 1<<20) + `1]}}}`, "config.json"},
	} {
		must(t, os.WriteFile(filepath.Join(b.dir, "config.json"), []byte(row.text), 0o644))
		for _, verb := range []string{"create", "check"} {
			r := invoke(t, invocation{dir: b.dir, args: []string{verb, b.id}, limitMemory: 1 << 30})
			if r.status != 1 || len(r.stderr) > 4096 || verb == "create" && !strings.Contains(r.stderr, row.want) {
				t.Errorf("%s, %s: status %d, stderr %.300q", row.name, verb, r.status, r.stderr)
			}
		}
		b.nothingLeft()
	}
}
