package engines

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// criConfiguration is what containerd is given: the block of docs/engines.md, and what these tests need besides.
func criConfiguration(t *testing.T) string {
	t.Helper()
	var config strings.Builder
	config.WriteString(criBlock(t, "tare"))
	for _, runtime := range []string{"runc", "crun"} {
		_, tables, _ := strings.Cut(criBlock(t, runtime), "\n") // the version has been said
		config.WriteString(tables)
	}
	fmt.Fprintf(&config, `
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = %q
  conf_dir = %q
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = "tare"
`, pauseImage, cniPlugins(t), cniConfiguration(t))
	return config.String()
}

var containerdBlock = regexp.MustCompile("(?s)\n## containerd\n.*?\n```toml\n(.*?)```")

// criBlock is the documented configuration, for a runtime at its place on this machine and without systemd.
func criBlock(t *testing.T, runtime string) string {
	t.Helper()
	document, err := os.ReadFile("../../docs/engines.md")
	must(t, err)
	match := containerdBlock.FindSubmatch(document)
	if match == nil {
		t.Fatal("docs/engines.md has no configuration of containerd")
	}
	block, program := string(match[1]), tare
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
