package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func haveAppArmor() bool {
	enabled, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return strings.HasPrefix(string(enabled), "Y")
}

func withAppArmor(profile string) option {
	return withProcess(func(p *specs.Process) { p.ApparmorProfile = profile })
}

// E15 A9: a profile that nobody enforces is an error, and never a container without one. "unconfined" is what there is then.
func TestAppArmorAbsent(t *testing.T) {
	if haveAppArmor() {
		t.Skip("the host has AppArmor; TestAppArmor is for it")
	}
	b := newBundle(t, withAppArmor("web"))
	b.try("create").fails("/process/apparmorProfile", `"web"`, "AppArmor is not enabled on this host")
	b.nothingLeft()
	plain := running(t, withAppArmor("unconfined"))
	plain.exec([]string{"--apparmor", "web"}, "true").refuses(`"web"`, "AppArmor is not enabled on this host")
}

// appArmorProfile forbids one directory.
const appArmorProfile = `profile tare-it-web flags=(attach_disconnected,mediate_deleted) {
  file,
  capability,
  signal,
  deny /secret/** rw,
}
`

// E15 D9, CVE-2019-16884: the profile is in force in the program and in an exec, also under no_new_privs and for a user, and
// whatever the image mounts over the files that it is written to.
func TestAppArmor(t *testing.T) {
	skipUnlessVM(t, haveAppArmor(), "the host has no AppArmor")
	file := filepath.Join(workspace, "profile")
	must(t, os.WriteFile(file, []byte(appArmorProfile), 0o644))
	out, err := exec.Command("apparmor_parser", "-Kr", file).CombinedOutput()
	if err != nil {
		t.Fatalf("apparmor_parser: %v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("apparmor_parser", "-R", file).Run() })
	const show = "cat /proc/self/attr/apparmor/current; cat /secret/file 2>&1"
	for _, row := range []struct {
		name   string
		change option
	}{
		{"root", func(*specs.Spec) {}},
		{"user", withUser(1000, 1000)},
		{"no_new_privs off", withProcess(func(p *specs.Process) { p.NoNewPrivileges = false })},
		{"filter first", func(s *specs.Spec) {
			s.Process.NoNewPrivileges = false
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBundle(t, withAppArmor("tare-it-web"), row.change, withShell(show))
			must(t, os.MkdirAll(b.path("secret"), 0o755))
			b.file("secret/file", "secret")
			r := b.try("run")
			if !strings.Contains(r.stdout, "tare-it-web (enforce)") || !strings.Contains(r.stdout, "Permission denied") {
				t.Errorf("%v", r)
			}
		})
	}
	b := running(t, withAppArmor("tare-it-web"))
	must(t, os.MkdirAll(b.path("secret"), 0o755))
	b.file("secret/file", "secret")
	if out := b.exec(nil, "sh", "-c", show).stdout; !strings.Contains(out, "tare-it-web (enforce)") || !strings.Contains(out, "Permission denied") {
		t.Errorf("exec: %s", out)
	}
	wants(t, "exec with another", strings.TrimSpace(b.exec([]string{"--apparmor", "unconfined"}, "cat", "/proc/self/attr/apparmor/current").stdout), "unconfined")
	b.exec([]string{"--apparmor", "tare-it-nosuch"}, "true").refuses("apparmor \"tare-it-nosuch\"", "`/proc/thread-self/attr/apparmor/exec`", "no such file or directory", "the profile is not loaded")
	none := newBundle(t, withAppArmor("tare-it-nosuch"))
	none.try("create").fails("/process/apparmorProfile", "the profile is not loaded")
	none.nothingLeft()
}

// CVE-2019-16884, CVE-2025-52881: an image that covers the places where labels are written gets no container without one.
func TestLabelWritesAreNotRedirected(t *testing.T) {
	skipUnlessVM(t, haveAppArmor(), "the host has no AppArmor")
	file := filepath.Join(workspace, "profile")
	must(t, os.WriteFile(file, []byte(appArmorProfile), 0o644))
	must(t, exec.Command("apparmor_parser", "-Kr", file).Run())
	t.Cleanup(func() { exec.Command("apparmor_parser", "-R", file).Run() })
	for _, destination := range []string{"/proc", "/proc/self/attr", "/proc/thread-self/attr/apparmor/exec", "/proc/1/attr/exec"} {
		b := newBundle(t, withAppArmor("tare-it-web"), withShell("cat /proc/self/attr/apparmor/current"))
		b.spec.Mounts = append(b.spec.Mounts, specs.Mount{Destination: destination, Type: "tmpfs", Source: "tmpfs"})
		r := b.try("run")
		if r.status == 0 && !strings.Contains(r.stdout, "tare-it-web (enforce)") {
			t.Errorf("%s covered: %v", destination, r)
		}
	}
}

func haveSELinux() bool {
	var fs unix.Statfs_t
	return unix.Statfs("/sys/fs/selinux", &fs) == nil && fs.Type == unix.SELINUX_MAGIC
}

// withSELinux leaves no_new_privs off: with it a policy has to allow the change of context by nnp_transition, which the small
// one of these tests does not know.
func withSELinux(label string) option {
	return withProcess(func(p *specs.Process) { p.SelinuxLabel, p.NoNewPrivileges = label, false })
}

// E16 I8: a context that nobody enforces is an error.
func TestSELinuxAbsent(t *testing.T) {
	if haveSELinux() {
		t.Skip("the host has SELinux; TestSELinux is for it")
	}
	b := newBundle(t, withSELinux("u:r:t:s0"))
	b.try("create").fails("/process/selinuxLabel", `"u:r:t:s0"`, "SELinux is not enabled on this host")
	b.nothingLeft()
	mounts := newBundle(t, withLinux(func(l *specs.Linux) { l.MountLabel = "u:r:t:s0" }))
	mounts.try("create").fails("/linux/mountLabel", "SELinux is not enabled on this host")
	mounts.nothingLeft()
	plain := running(t)
	plain.exec([]string{"--process-label", "u:r:t:s0"}, "true").refuses("u:r:t:s0", "SELinux is not enabled on this host")
}

const (
	processContext = "system_u:system_r:box_t"
	fileContext    = "system_u:object_r:box_file_t"
)

// E16 D7 F41 I8: the context of the program, of an exec, of its session keyring and of the files of new mounts.
func TestSELinux(t *testing.T) {
	skipUnlessVM(t, haveSELinux(), "the host has no SELinux")
	loadPolicy(t)
	b := newBundle(t, withSELinux(processContext), withLinux(func(l *specs.Linux) { l.MountLabel = fileContext }), withShell("cat /proc/self/attr/current; echo; sleep 600"))
	b.create().start()
	wants(t, "context", strings.Trim(b.printed(), "\x00"), processContext)
	for _, place := range []string{"dev", "dev/shm", "dev/mqueue"} {
		wants(t, "context of "+place, contextOf(t, "/proc/"+itoa(b.pid)+"/root/"+place), fileContext)
	}
	current := func(flags ...string) string {
		return strings.Trim(b.exec(flags, "cat", "/proc/self/attr/current").stdout, "\x00\n")
	}
	wants(t, "exec", current(), processContext)
	wants(t, "exec with another", current("--process-label", "system_u:system_r:kernel_t"), "system_u:system_r:kernel_t")
	b.exec([]string{"--process-label", "no:such:context"}, "true").refuses("no:such:context", "`/proc/thread-self/attr/", "the loaded policy has no such context")
	none := newBundle(t, withSELinux("no:such:context"))
	none.try("create").fails("/process/selinuxLabel", "no such context")
	none.nothingLeft()
}

// S1 I8: with mountLabel everything in an overlay root has that context, what the image has and what the container writes.
func TestSELinuxOverlay(t *testing.T) {
	skipUnlessVM(t, haveSELinux(), "the host has no SELinux")
	loadPolicy(t)
	for _, place := range []string{"tmpfs", "directory"} {
		b := newBundle(t, withWritableRoot, withSELinux(processContext), withLinux(func(l *specs.Linux) { l.MountLabel = fileContext }), withShell("echo x >/file; echo written; sleep 600"))
		if place == "directory" {
			place = b.directory("writes")
		}
		b.create("--overlay", place).start()
		b.printed()
		root := "/proc/" + itoa(b.pid) + "/root"
		for _, file := range []string{"/", "/etc/passwd", "/file"} {
			wants(t, "context of "+file, contextOf(t, root+file), fileContext)
		}
		if own := contextOf(t, b.path("etc/passwd")); own == fileContext {
			t.Errorf("the file of the image has the context %s", own)
		}
	}
}

// contextOf is the SELinux context of a file.
func contextOf(t *testing.T, path string) string {
	t.Helper()
	var context [256]byte
	n, err := unix.Getxattr(path, "security.selinux", context[:])
	must(t, err)
	return strings.Trim(string(context[:n]), "\x00")
}

// loadPolicy compiles the policy of the tests and loads it into the kernel.
func loadPolicy(t *testing.T) {
	t.Helper()
	compiled := filepath.Join(workspace, "policy")
	out, err := exec.Command("secilc", "-o", compiled, "-f", "/dev/null", "testdata/selinux.cil").CombinedOutput()
	if err != nil {
		t.Fatalf("secilc: %v\n%s", err, out)
	}
	must(t, os.WriteFile("/sys/fs/selinux/load", []byte(read(t, compiled)), 0))
	mountsBefore, err = mountTable() // every mount says now that it has labels
	must(t, err)
}

// skipUnlessVM skips a test that needs a kernel with a security module: the machines of tests/vm have them, one each. With
// TARE_TEST_LSM the machine is meant to have the one that is named there.
func skipUnlessVM(t *testing.T, ok bool, reason string) {
	t.Helper()
	if !ok {
		t.Skip(reason + "; make test-vm has a machine with it")
	}
}
