package integration

import (
	"os"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// callerGroup is a group that the caller of the runtime is in, and no user namespace has a mapping for.
const callerGroup = 7654321

// withKeptGroups is what Podman makes of --group-add keep-groups.
func withKeptGroups(s *specs.Spec) { withAnnotation("run.oci.keep_original_groups", "1")(s) }

// ofGroup makes a file that the group can read and nobody else but root.
func (b *bundle) ofGroup(gid int) string {
	b.t.Helper()
	path := b.dir + "/of-group"
	must(b.t, os.WriteFile(path, []byte("reached\n"), 0o640))
	must(b.t, os.Chown(path, 0, gid))
	must(b.t, os.WriteFile(b.path("of-group"), nil, 0o644))
	return path
}

// E12: with the annotation, run and exec leave the caller's groups alone, with and without a user namespace, also for a user of
// the container, and whatever additionalGids says.
func TestKeepGroups(t *testing.T) {
	const unmapped = "65534"
	for _, test := range []struct {
		name    string
		options []option
		groups  string
	}{
		{"no user namespace", nil, "7654321"},
		{"user", []option{withUser(1000, 1000)}, "7654321"},
		{"additionalGids", []option{withUser(1000, 1000), withProcess(func(p *specs.Process) { p.User.AdditionalGids = []uint32{5} })}, "7654321"},
		{"user namespace", []option{withUserNamespace}, unmapped},
		{"user in a user namespace", []option{withUserNamespace, withUser(1000, 1000)}, unmapped},
		{"additionalGids without a mapping", []option{withUserNamespace, withProcess(func(p *specs.Process) { p.User.AdditionalGids = []uint32{4000000} })}, unmapped},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t, append(test.options, withKeptGroups, withShell("echo $(cat /of-group; grep Groups: /proc/self/status); sleep 600"))...)
			withBind(b.ofGroup(callerGroup), "/of-group")(b.spec)
			caller := invocation{groups: []uint32{callerGroup}}
			b.createWith(caller).start()
			wants(t, "create", b.printed(), "reached Groups: "+test.groups)
			caller.args = []string{"exec", b.id, "sh", "-c", "echo $(cat /of-group; grep Groups: /proc/self/status)"}
			wants(t, "exec", invoke(t, caller).stdout, "reached Groups: "+test.groups+"\n")
		})
	}
}

// E12: another value is not the wish, and without it nothing of the caller's groups gets into the container.
func TestGroupsAreNotKept(t *testing.T) {
	for _, value := range []string{"", "0", "true"} {
		for _, more := range []option{func(*specs.Spec) {}, withUserNamespace} {
			b := newBundle(t, more, withAnnotation("run.oci.keep_original_groups", value), withArgs("grep", "Groups:", "/proc/self/status"))
			r := b.tryWith(invocation{groups: []uint32{callerGroup}}, "run").succeeds()
			wants(t, "groups with "+value, statusFields(r.stdout, "Groups:"), "")
		}
	}
}

// E12 R1: the same for a user, with and without ranges of ids.
func TestRootlessKeepsGroups(t *testing.T) {
	for _, subids := range []string{"", "tare-test:700000:65536\n"} {
		r := newRootless(t, withKeptGroups, withArgs("cat", "/of-group"))
		withBind(r.ofGroup(callerGroup), "/of-group")(r.spec)
		r.groups = "7654321"
		if subids != "" {
			skipUnless(t, commandExists("newuidmap"), "newuidmap is missing (Debian: uidmap)")
			r.subids = subids
			list := []specs.LinuxIDMapping{{ContainerID: 0, HostID: rootlessUID, Size: 1}, {ContainerID: 1, HostID: 700000, Size: 65536}}
			r.spec.Linux.UIDMappings, r.spec.Linux.GIDMappings = list, list
			r.spec.Process.User = specs.User{UID: 1000, GID: 1000}
		}
		wants(t, "output", r.tare("run", r.id).succeeds().stdout, "reached\n")
	}
}
