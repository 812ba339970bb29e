package integration

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// mounts changes the mounts of the container by what is on standard input.
func (b *bundle) mounts(action, list string) result {
	b.t.Helper()
	must(b.t, os.WriteFile(b.dir+"/mounts.json", []byte(list), 0o644))
	stdin, err := os.Open(b.dir + "/mounts.json")
	must(b.t, err)
	defer stdin.Close()
	return invoke(b.t, invocation{dir: b.dir, stdin: stdin, args: []string{"mounts", action, b.id, "-"}})
}

// table are the places in the container where something is mounted, below a directory.
func (b *bundle) mountedBelow(dir string) string {
	b.t.Helper()
	var places []string
	for line := range strings.Lines(read(b.t, "/proc/"+itoa(b.pid)+"/mountinfo")) {
		if place := strings.Fields(line)[4]; strings.HasPrefix(place, dir+"/") {
			places = append(places, place)
		}
	}
	return strings.Join(places, " ")
}

// C36: mounts come and go while the container is there, whether it is created, running or paused, and whether its file is a list,
// an object with one, or standard input. The host sees nothing of it.
func TestMountsAddRemove(t *testing.T) {
	b := newBundle(t, withWritableRoot, withArgs("sleep", "600"))
	b.directory("source")
	must(t, os.WriteFile(b.dir+"/source/file", []byte("of the host\n"), 0o644))
	must(t, os.WriteFile(b.dir+"/list.json", []byte(`{"mounts": [
		{"destination": "/at/data", "type": "bind", "source": "source", "options": ["bind", "ro"]},
		{"destination": "/at/file", "source": "`+b.dir+`/source/file", "options": ["bind"]},
		{"destination": "/at/tmp", "type": "tmpfs", "source": "scratch", "options": ["nosuid", "size=64k", "mode=700"]}]}`), 0o644))
	file := func(action string) result {
		return invoke(t, invocation{dir: b.dir, args: []string{"mounts", action, b.id, "list.json"}})
	}
	const all = "/at/data /at/file /at/tmp"
	b.create()
	file("add").succeeds()
	wants(t, "mounts while created", b.mountedBelow("/at"), all)
	b.start()
	wants(t, "what is mounted", b.execs("cat /at/data/file /at/file; stat -c %a /at/tmp"), "of the host\nof the host\n700")
	table := read(t, "/proc/"+itoa(b.pid)+"/mountinfo")
	parseMountInfo(table, "/at/data").has(t, "ro")
	parseMountInfo(table, "/at/tmp").has(t, "nosuid", "size=64k")
	file("remove").succeeds()
	wants(t, "mounts afterwards", b.mountedBelow("/at"), "")

	b.try("pause").succeeds()
	file("add").succeeds()
	b.mounts("add", `[{"destination": "/at/tmp/below", "type": "tmpfs", "source": "tmpfs"}]`).succeeds()
	b.try("resume").succeeds()
	wants(t, "mounts while paused", b.mountedBelow("/at"), all+" /at/tmp/below")
	b.mounts("remove", `[{"destination": "/at/tmp"}]`).succeeds()
	wants(t, "a mount with one below it", b.mountedBelow("/at"), "/at/data /at/file")
	b.mountsUnchanged()
	if got := b.processes(); len(got) != 1 {
		t.Errorf("processes %v, want that of the container alone", got)
	}
	b.stop()
	file("add").fails("container not running")
	b.try("delete").succeeds()
	b.nothingLeft()
}

// C36: a list is a whole. What has been mounted of it goes again when one entry fails, and nothing is unmounted when one place has no
// mount.
func TestMountsAllOrNone(t *testing.T) {
	b := running(t, withWritableRoot)
	b.directory("source")
	const good = `{"destination": "/at/a", "source": "source", "options": ["bind"]}, {"destination": "/at/b", "type": "tmpfs", "source": "tmpfs"}`
	b.mounts("add", `[`+good+`, {"destination": "/at/c", "type": "nosuchfs", "source": "x"}]`).fails("standard input /mounts/2", "nosuchfs", "no such device")
	wants(t, "mounts after a list that fails", b.mountedBelow("/at"), "")
	b.mounts("add", `[`+good+`]`).succeeds()
	b.mounts("remove", `[{"destination": "/at/b"}, {"destination": "/at/nothing"}]`).fails("/mounts/1/destination", "no such file")
	b.mounts("remove", `[{"destination": "/at/b"}, {"destination": "/etc"}]`).fails("/mounts/1/destination", "nothing is mounted there")
	wants(t, "mounts after that", b.mountedBelow("/at"), "/at/a /at/b")
	b.mounts("remove", `[`+good+`]`).succeeds()
	wants(t, "mounts at the end", b.mountedBelow("/at"), "")
}

// C36: the image decides neither where on the host something is mounted nor what is unmounted, and what protects the host stays.
func TestMountsHostile(t *testing.T) {
	b := running(t, withWritableRoot)
	canary := newCanary(b)
	before := fingerprint(t, canary.path)
	b.directory("source")
	b.link("../../../../.."+canary.path, "out")
	b.link("/", "slash")
	b.link("/proc", "toproc")
	b.mounts("add", `[{"destination": "/out/dir", "source": "source", "options": ["bind"]}]`).succeeds()
	wants(t, "a link that leads out ends in the root", b.mountedBelow(canary.path), canary.path+"/dir")
	b.mounts("remove", `[{"destination": "/out/dir"}]`).fails("too many levels of symbolic links", "name the place itself")
	b.mounts("remove", `[{"destination": "/toproc/kcore"}]`).fails("symbolic link")
	b.mounts("remove", `[{"destination": "/sys/firmware"}]`).fails("config.json masks it")
	b.mounts("remove", `[{"destination": "/proc/kcore"}]`).fails("inside /proc")
	b.mounts("remove", `[{"destination": "/etc/.."}]`).fails("root of the container")
	for destination, words := range map[string]string{
		"/": "root of a running container stays", "/slash": "root of a running container stays", "/proc/self": "inside /proc", "/toproc/self": "proc",
	} {
		b.mounts("add", `[{"destination": "`+destination+`", "source": "source", "options": ["bind"]}]`).fails(words)
	}
	if fingerprint(t, canary.path) != before {
		t.Error("the host's directory has changed")
	}
	b.mountsUnchanged()
}

// C36: what cannot be done is refused with its reason.
func TestMountsRefuses(t *testing.T) {
	b := running(t, func(s *specs.Spec) { s.Root.Readonly = true })
	for list, words := range map[string]string{
		`[]`:             "standard input: names no mount",
		`{"mounts": {}}`: "standard input /mounts: ",
		`[{"destination": "/x", "type": "bind", "source": "/no/such", "options": ["rbind"]}]`: `standard input /mounts/0/source: bind "/no/such": no such file or directory`,
		`[{"type": "tmpfs"}]`: "standard input /mounts/0/destination",
		`[{"destination": "/x", "type": "cgroup", "source": "cgroup"}]`:                        "made by create alone",
		`[{"destination": "/x", "source": "/tmp", "options": ["bind", "remount"]}]`:            "for create alone",
		`[{"destination": "/x", "source": "/tmp", "options": ["bind", "copy-symlink"]}]`:       "for create alone",
		`[{"destination": "/x", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]}]`: "read-only file system; the root is read-only, so the place must exist already",
	} {
		t.Run(list, func(t *testing.T) {
			c := *b
			c.t = t
			c.mounts("add", list).fails(words)
		})
	}
	b.mounts("sideways", `[]`).fails("sideways", "must be add or remove", "usage: ")
	invoke(t, invocation{args: []string{"mounts", "add", b.id, "/no/such"}}).fails(`open "/no/such": no such file`)
	invoke(t, invocation{args: []string{"mounts", "add", b.id}}).fails("takes exactly 3 arguments")

	shared := running(t, withoutNamespace(specs.MountNamespace), func(s *specs.Spec) {
		s.Mounts, s.Linux.MaskedPaths, s.Linux.ReadonlyPaths, s.Root.Readonly = nil, nil, nil, false
	})
	shared.mounts("add", `[{"destination": "/x", "type": "tmpfs", "source": "tmpfs"}]`).fails("shares the mounts of its host")
	shared.mountsUnchanged()
}

// C36 F33 F38: in a user namespace too, from sources that its root could not reach, and with ids mapped.
func TestMountsUserNamespace(t *testing.T) {
	b := newBundle(t, withUserNamespace, withWritableRoot, withArgs("sleep", "600"))
	must(t, os.Chmod(b.dir, 0o700))
	must(t, os.Chown(b.path(), mapped, mapped))
	must(t, os.Mkdir(b.dir+"/secret", 0o700))
	must(t, os.WriteFile(b.dir+"/secret/file", nil, 0o644))
	must(t, os.Chown(b.dir+"/secret/file", mapped+7, mapped+7))
	b.create().start()
	b.mounts("add", `[{"destination": "/at/plain", "source": "secret/file", "options": ["bind"]},
		{"destination": "/at/tmp", "type": "tmpfs", "source": "tmpfs"}]`).succeeds()
	wants(t, "owners", b.execs("stat -c %u /at/plain /at/tmp"), "7\n0")
	must(t, os.Mkdir(b.dir+"/owned", 0o755))
	var fs unix.Statfs_t
	must(t, unix.Statfs(b.dir, &fs))
	if r := b.mounts("add", `[{"destination": "/at/mapped", "source": "owned", "options": ["bind", "idmap"]}]`); fs.Type == unix.TMPFS_MAGIC && r.status != 0 {
		r.fails("cannot be idmapped") // a tmpfs before Linux 6.3
	} else {
		r.succeeds()
		wants(t, "owner of a directory of the host's root, mapped", b.execs("stat -c %u /at/mapped"), "0")
		b.mounts("remove", `[{"destination": "/at/mapped"}]`).succeeds()
	}
	b.mounts("remove", `[{"destination": "/at/plain"}, {"destination": "/at/tmp"}]`).succeeds()
	wants(t, "mounts afterwards", b.mountedBelow("/at"), "")
	b.mountsUnchanged()
}

// C36 R2: a user may add new file systems. A path of the host takes a mount namespace in which the user is privileged, and the host's
// is not one.
func TestMountsRootless(t *testing.T) {
	r := newRootless(t, withArgs("sleep", "600"))
	r.tare("create", "--pid-file", r.dir+"/pid", r.id).succeeds()
	r.pid = atoi(t, read(t, r.dir+"/pid"))
	inits[r.pid] = true
	change := func(action, list string) result {
		file := r.dir + "/mounts.json"
		must(t, os.WriteFile(file, []byte(list), 0o644))
		return r.tare("mounts", action, r.id, file)
	}
	change("add", `[{"destination": "/at/tmp", "type": "tmpfs", "source": "tmpfs"}]`).succeeds()
	wants(t, "mounts", r.mountedBelow("/at"), "/at/tmp")
	change("add", `[{"destination": "/at/bind", "source": "/etc", "options": ["rbind"]}]`).fails("/mounts/0/source", "operation not permitted", "run as root")
	change("remove", `[{"destination": "/at/tmp"}]`).succeeds()
	wants(t, "mounts afterwards", r.mountedBelow("/at"), "")
	r.tare("delete", "--force", r.id).succeeds()
}
