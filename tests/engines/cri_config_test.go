package engines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// containerd1 and containerd2 are what these tests have to say besides the block of docs/engines.md: the pause image, the
// directories of the CNI, and that of the registries, which is the tests'.
const (
	containerd1 = `
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = %q
  conf_dir = %q
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = %q
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "tare"
`
	containerd2 = `
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = %q
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = [%q]
  conf_dir = %q
[plugins."io.containerd.cri.v1.images".registry]
  config_path = %q
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.runtime".containerd]
  default_runtime_name = "tare"
`
)

// hasContainerd2 says whether the containerd on the PATH is of the second generation.
func hasContainerd2() bool {
	version, _ := exec.Command("containerd", "--version").Output()
	return regexp.MustCompile(`\bv?2\.\d+\.`).Match(version)
}

// criConfiguration is what containerd is given.
func criConfiguration(t *testing.T, from *registry) string {
	t.Helper()
	besides := containerd1
	if hasContainerd2() {
		besides = containerd2
	}
	var config strings.Builder
	config.WriteString(criBlock(t, "tare"))
	for _, runtime := range []string{"runc", "crun"} {
		_, tables, _ := strings.Cut(criBlock(t, runtime), "\n") // the version has been said
		config.WriteString(tables)
	}
	fmt.Fprintf(&config, besides, pauseImage, cniPlugins(t), cniConfiguration(t), registryHosts(t, from))
	return config.String()
}

// registryHosts has images that critest pulls come from a registry of the tests, if one is given.
func registryHosts(t *testing.T, from *registry) (dir string) {
	t.Helper()
	dir = "/etc/containerd/certs.d"
	must(t, os.MkdirAll(dir, 0o755))
	if from == nil {
		return dir
	}
	for _, host := range []string{"registry.k8s.io", "gcr.io"} {
		must(t, os.MkdirAll(filepath.Join(dir, host), 0o755))
		text := fmt.Sprintf("server = \"http://%[1]s\"\n[host.\"http://%[1]s\"]\n  capabilities = [\"pull\", \"resolve\"]\n", from.address)
		must(t, os.WriteFile(filepath.Join(dir, host, "hosts.toml"), []byte(text), 0o644))
	}
	return dir
}

var containerdBlock = regexp.MustCompile("(?s)\n## containerd\n.*?\n```toml\n(version = 3\n.*?)```.*?\n```toml\n(version = 2\n.*?)```")

// criBlock is the documented configuration, for a runtime at its place on this machine and without systemd.
func criBlock(t *testing.T, runtime string) string {
	t.Helper()
	document, err := os.ReadFile("../../docs/engines.md")
	must(t, err)
	match := containerdBlock.FindSubmatch(document)
	if match == nil {
		t.Fatal("docs/engines.md has no configurations of containerd")
	}
	block, program := string(match[2]), tare
	if hasContainerd2() {
		block = string(match[1])
	}
	if runtime != "tare" {
		program, err = exec.LookPath(runtime)
		skipUnless(t, err == nil, runtime+" is missing; tests/deps engines installs it")
	}
	for _, change := range []struct{ documented, here string }{
		{`"/usr/local/sbin/tare"`, fmt.Sprintf("%q", program)},
		{"SystemdCgroup = true", "SystemdCgroup = false"},
		{"runtimes.tare", "runtimes." + runtime},
	} {
		if !strings.Contains(block, change.documented) {
			t.Fatalf("the configuration of containerd in docs/engines.md lacks %q", change.documented)
		}
		block = strings.ReplaceAll(block, change.documented, change.here)
	}
	return block
}
