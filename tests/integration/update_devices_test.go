package integration

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// opener is a container that says of /node, which is /dev/kmsg, whether it can be opened for reading and for writing, each
// time it gets USR1.
func opener(t *testing.T, options ...option) *bundle {
	t.Helper()
	b := newBundle(t, append([]option{withArgs("sh", "-c", `
		look() { r=- w=-; (: </node) 2>/dev/null && r=r; (: >/node) 2>/dev/null && w=w; echo $r$w; }
		trap look USR1; echo ready; while :; do sleep 0.01; done`)}, options...)...)
	must(t, unix.Mknod(b.path("node"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 11))))
	syslog := []string{"CAP_SYSLOG"}
	b.spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: syslog, Permitted: syslog, Effective: syslog}
	b.create().start()
	wants(t, "output", b.printed(), "ready")
	return b
}

// opens asks the container.
func (b *bundle) opens() string {
	b.t.Helper()
	before := strings.Count(read(b.t, b.stdout), "\n")
	b.kill("USR1")
	eventually(b.t, "the container has answered", func() bool { return strings.Count(read(b.t, b.stdout), "\n") > before })
	lines := strings.Split(strings.TrimSpace(read(b.t, b.stdout)), "\n")
	return lines[len(lines)-1]
}

// JU8 H18 H24 H25: device rules of a running container, by options, in order, the last one first; they are kept (JU10), and
// those that decide nothing any more are not.
func TestUpdateDeviceOptions(t *testing.T) {
	b := opener(t)
	wants(t, "at first", b.opens(), "--")
	for _, step := range []struct {
		flags []string
		want  string
		rules int // in force
	}{
		{[]string{"--device-allow", "c 1:11 r"}, "r-", 2},
		{[]string{"--device-allow", "c 1:11 rw"}, "rw", 2},
		{[]string{"--device-deny", "c 1:11 w"}, "r-", 3},
		{[]string{"--device-deny=/dev/kmsg rw"}, "--", 2},
		{[]string{"--device-allow=/dev/kmsg w", "--device-deny", "c 9:9 r"}, "-w", 4},
		{[]string{"--pids-limit=-1"}, "-w", 4},
		{[]string{"--device-deny=a"}, "--", 1},
		{[]string{"--device-deny=a", "--device-allow=c 1:* rw"}, "rw", 2},
	} {
		if mount, _ := controllerMount(t, "pids"); mount == "" && strings.HasPrefix(step.flags[0], "--pids") {
			continue
		}
		b.try("update", step.flags...).succeeds()
		wants(t, strings.Join(step.flags, " "), b.opens(), step.want)
		if n := len(b.inForce().Devices); n != step.rules {
			t.Errorf("%q: %d rules in force, want %d", step.flags, n, step.rules)
		}
	}
	for _, rule := range []string{"", "c", "c 1", "x 1:1 r", "c 1:11 q", "c 1:11 r w", "c 99999:1 r", "c -1:1 r", "/no/device", "/etc/passwd", "b *"} {
		b.try("update", "--device-allow", rule).fails("--device-allow", strings.TrimPrefix(fmt.Sprintf("%q", rule), `""`))
	}
	wants(t, "in the end", b.opens(), "rw")
}

// JU8 JU9: rules that cannot be recorded are not in force.
func TestUpdateDevicesRollBack(t *testing.T) {
	b := opener(t)
	must(t, os.Mkdir(filepath.Join(stateRoot(), b.id, "resources.json.new"), 0o700))
	b.try("update", "--device-allow", "c 1:11 rw").fails("resources.json", "; everything is as before")
	wants(t, "after a failed update", b.opens(), "--")
	must(t, os.Remove(filepath.Join(stateRoot(), b.id, "resources.json.new")))
	b.try("update", "--device-allow", "c 1:11 rw").succeeds()
	wants(t, "after another one", b.opens(), "rw")
}

// JU8 H25: the list of a file replaces the rules only if the caller means it. Engines repeat the list of create with each
// update, as they know it: without what a wrapper has added to config.json, and without what an update has allowed since.
func TestUpdateDeviceList(t *testing.T) {
	const kmsg = `{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}`
	deny := `{"allow": false, "access": "rwm"}`
	b := opener(t)
	for _, step := range []struct {
		name, json string
		flags      []string
		want       string
		warns      bool
	}{
		{"repeated", `{"devices": [` + deny + `]}`, nil, "--", false},
		{"other, not meant", `{"devices": [` + deny + `, ` + kmsg + `]}`, nil, "--", true},
		{"meant", `{"devices": [` + deny + `, ` + kmsg + `]}`, []string{"--replace-devices"}, "r-", false},
		{"absent", `{}`, nil, "r-", false},
		{"null", `{"devices": null}`, nil, "r-", false},
		{"that of create again, as containerd sends it", `{"devices": [` + deny + `]}`, nil, "r-", true},
		{"empty, not meant", `{"devices": []}`, nil, "r-", true},
		{"everything, not meant", `{"devices": [{"allow": true, "access": "rwm"}]}`, nil, "r-", true},
		{"everything", `{"devices": [{"allow": true, "access": "rwm"}]}`, []string{"--replace-devices"}, "rw", false},
		{"with an option on top", `{"devices": [` + kmsg + `]}`, []string{"--device-deny=c 1:11 r", "--replace-devices"}, "--", false},
		{"empty", `{"devices": []}`, []string{"--replace-devices"}, "--", false},
	} {
		r := b.updateFrom(step.json, step.flags...).succeeds()
		if warned := strings.Contains(r.stderr, "--replace-devices replaces them"); warned != step.warns {
			t.Errorf("%s: stderr %q", step.name, r.stderr)
		}
		wants(t, step.name, b.opens(), step.want)
	}
	b.updateFrom(`{}`, "--replace-devices").fails("--replace-devices", "no list of devices")
	if n := len(b.inForce().Devices); n != 0 {
		t.Errorf("%d rules in force", n)
	}

	engine := opener(t, func(s *specs.Spec) { s.Annotations = map[string]string{"run.tare.update-devices": "replace"} })
	engine.updateFrom(`{"devices": [` + kmsg + `]}`).succeeds()
	wants(t, "by annotation", engine.opens(), "r-")
	engine.updateFrom(`{"devices": null}`).succeeds()
	wants(t, "by annotation, null", engine.opens(), "r-")
}

var replacements = flag.Int("replacements", 30, "times that TestUpdateDevicesWithoutGap replaces each list of rules")

// H18 H24: programs open in tight loops two devices that the old and the new rules allow, one of them by a rule of the
// container, and one that all of them deny, while the rules change hundreds of times. The two may never be refused, and the
// third may never be opened. Where cgroup v1 has no way between two lists without a gap, the container stands still for the
// moment.
func TestUpdateDevicesWithoutGap(t *testing.T) {
	b := newBundle(t, rules(rule(true, "c", 1, 11, "r")), withArgs("sh", "-c", `
		allowed() { echo started; while true <$1; do :; done; echo "$1 refused"; exit; }
		denied() { echo started; while ! true <$1; do :; done 2>/dev/null; echo "$1 opened"; exit; }
		allowed /dev/null & allowed /node & denied /fuse & wait`))
	must(t, unix.Mknod(b.path("node"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 11))))
	must(t, unix.Mknod(b.path("fuse"), unix.S_IFCHR|0o666, int(unix.Mkdev(10, 229))))
	syslog := []string{"CAP_SYSLOG"}
	b.spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: syslog, Permitted: syslog, Effective: syslog}
	b.create().start()
	eventually(t, "the programs run", func() bool { return strings.Count(read(t, b.stdout), "started") == 3 })
	const (
		denyAll  = `{"allow": false, "access": "rwm"}`
		allowAll = `{"allow": true, "access": "rwm"}`
		kmsg     = `{"allow": true, "type": "c", "major": 1, "minor": 11, "access": "r"}`
		noFuse   = `{"allow": false, "type": "c", "major": 10, "minor": 229, "access": "rw"}`
	)
	replace := func(list string) {
		t.Helper()
		b.updateFrom(`{"devices": [`+list+`]}`, "--replace-devices").succeeds()
	}
	for range *replacements {
		for _, list := range []string{
			denyAll + "," + kmsg,
			denyAll + "," + kmsg + `,{"allow": true, "type": "c", "major": 10, "minor": 230, "access": "rwm"}`,
			denyAll + `,{"allow": true, "type": "c", "major": 1, "access": "r"}`,
			denyAll + `,{"allow": true, "type": "c", "minor": 11, "access": "rw"}`,
			allowAll + "," + noFuse + `,{"allow": false, "type": "b", "access": "w"}`,
			allowAll + "," + noFuse,
		} {
			replace(list)
		}
	}
	wants(t, "output", read(t, b.stdout), "started\nstarted\nstarted\n")
	for range *replacements {
		replace(allowAll) // no filter at all
		replace(denyAll + "," + kmsg)
	}
	wants(t, "output", read(t, b.stdout), "started\nstarted\nstarted\n/fuse opened\n")
	b.try("update", "--device-deny=c 1:3 rw", "--device-deny=c 1:11 r").succeeds()
	eventually(t, "both programs are refused in the end", func() bool { return strings.Count(read(t, b.stdout), "refused") == 2 })
	b.wait()
}
