package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// bundle is a bundle directory with the one container that is made of it.
type bundle struct {
	t    *testing.T
	id   string
	dir  string
	spec *specs.Spec // written to config.json by create and run

	pid    int    // of the init process, after create
	stdout string // file with the output of the container, after create
	gone   bool   // torn down
}

// option changes the configuration that `tare spec` writes.
type option func(*specs.Spec)

var bundles struct{ made, alive int }

// newBundle makes a bundle with a root filesystem of busybox. Its container, and the bundle, are removed when the test ends.
func newBundle(t *testing.T, options ...option) *bundle {
	t.Helper()
	requireRoot(t)
	bundles.made++
	bundles.alive++
	name := fmt.Sprintf("%d", bundles.made)
	b := &bundle{t: t, id: fmt.Sprintf("tare-it-%d-%s", os.Getpid(), name), dir: filepath.Join(workspace, name)}
	t.Cleanup(b.teardown)
	makeRootfs(t, b.path())
	b.spec = defaultSpec(t)
	for _, change := range options {
		change(b.spec)
	}
	return b
}

// path returns the host path of something in the root filesystem.
func (b *bundle) path(parts ...string) string {
	return filepath.Join(append([]string{b.dir, "rootfs"}, parts...)...)
}

// file writes a file into the root filesystem, executable by everyone.
func (b *bundle) file(path, content string) {
	b.t.Helper()
	path = b.path(path)
	must(b.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(b.t, os.WriteFile(path, []byte(content), 0o755))
}

// link makes a symbolic link in the root filesystem, in place of whatever is there.
func (b *bundle) link(target, path string) {
	b.t.Helper()
	must(b.t, os.RemoveAll(b.path(path)))
	must(b.t, os.Symlink(target, b.path(path)))
}

// directory makes a directory beside the root filesystem, as a source of mounts.
func (b *bundle) directory(name string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	must(b.t, os.MkdirAll(path, 0o755))
	return path
}

// writeConfig writes config.json.
func (b *bundle) writeConfig() {
	b.t.Helper()
	config, err := json.Marshal(b.spec)
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(b.dir, "config.json"), config, 0o644))
}

// applets are the programs of the root filesystem; a script finds all others inside busybox.
var applets = []string{"sh", "cat", "true", "false", "sleep", "id", "env", "pwd", "ls", "grep", "echo", "readlink"}

// makeRootfs makes a root filesystem. busybox is one file for all of them.
func makeRootfs(t *testing.T, root string) {
	t.Helper()
	program, err := sharedBusybox()
	must(t, err)
	for _, dir := range []string{"bin", "dev", "etc", "proc", "sys", "root", "home"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	must(t, os.Mkdir(filepath.Join(root, "tmp"), 0o755))
	must(t, os.Chmod(filepath.Join(root, "tmp"), 0o1777))
	must(t, os.Link(program, filepath.Join(root, "bin/busybox")))
	for _, applet := range applets {
		must(t, os.Symlink("busybox", filepath.Join(root, "bin", applet)))
	}
	const passwd = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n"
	must(t, os.WriteFile(filepath.Join(root, "etc/passwd"), []byte(passwd), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "etc/group"), []byte("root:x:0:\nuser:x:1000:\n"), 0o644))
}

// sharedBusybox copies busybox into the workspace, where it can be linked from.
var sharedBusybox = sync.OnceValues(func() (string, error) {
	program, err := os.ReadFile(busyboxPath())
	if err != nil {
		return "", err
	}
	path := filepath.Join(workspace, "busybox")
	return path, os.WriteFile(path, program, 0o755)
})

// busyboxPath is empty where there is no busybox.
var busyboxPath = sync.OnceValue(func() string {
	path, _ := exec.LookPath("busybox")
	return path
})

// defaultSpec is what `tare spec` writes, for a container that can be looked into: no terminal, a writable root, and a
// program that lives until it is killed.
func defaultSpec(t *testing.T) *specs.Spec {
	t.Helper()
	template, err := template()
	must(t, err)
	s := new(specs.Spec)
	must(t, json.Unmarshal(template, s))
	s.Root.Readonly = false
	s.Process.Terminal = false
	s.Process.Args = []string{"sleep", "600"}
	return s
}

var template = sync.OnceValues(func() ([]byte, error) {
	dir := filepath.Join(workspace, "template")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if output, err := exec.Command(tare, "spec", "--bundle", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("spec: %w: %s", err, output)
	}
	return os.ReadFile(filepath.Join(dir, "config.json"))
})

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
