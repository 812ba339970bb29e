package engines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// crioPlaces is what a CRI-O needs to know here beside what the guide says: there is no systemd, nor anything that installed it.
const crioPlaces = `
[crio]
root = "/var/lib/crio/storage"
runroot = "/run/crio/storage"
storage_driver = "overlay"
log_dir = "/var/lib/crio/logs"
[crio.runtime]
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
pids_limit = ` + crioPids + `
log_size_max = 8192
irqbalance_config_restore_file = "disable"
pinns_path = %[1]q
[crio.image]
pause_image = "` + pauseImage + `"
pause_command = ""
signature_policy_dir = "/run/crio/policies"
[crio.network]
network_dir = %[2]q
plugin_dirs = [%[2]q]
`

// crioNetwork and crioPlugin give a pod an address of its own, and no more.
const crioNetwork = `{"cniVersion": "1.0.0", "name": "lonely", "type": "lonely"}`

const crioPlugin = `#!/bin/sh -e
exec <&-
case $CNI_COMMAND in
VERSION) echo '{"cniVersion": "1.0.0", "supportedVersions": ["1.0.0"]}' ;;
ADD)
	nsenter --net="$CNI_NETNS" ip address add ` + crioAddress + `/32 dev lo
	echo '{"cniVersion": "1.0.0", "ips": [{"address": "` + crioAddress + `/32"}]}' ;;
esac
`

const (
	crioPids    = "97"
	crioAddress = "192.0.2.7"
	crioLogSize = 8192
)

// startCRIO starts a CRI-O that is configured by the guide.
func startCRIO(t *testing.T) func(runtime string) *engine {
	t.Helper()
	requireEngine(t, "podman", "conmon", "runc")
	var programs []string
	for _, name := range []string{"crio", "pinns"} {
		path, err := filepath.Abs("../../build/bin/" + name)
		must(t, err)
		_, err = os.Stat(path)
		skipUnless(t, err == nil, name+" is missing; make test-crio builds it")
		programs = append(programs, path)
	}
	must(t, setUpPodman())                                                               // also the rules of both about images
	pause := pauseArchive(t, "sh", "-c", "trap 'exit 0' TERM; tail -f /dev/null & wait") // stopped at once
	for _, image := range []string{archive(t), pause} {
		must(t, answered("podman", "--root=/var/lib/crio/storage", "--runroot=/run/crio/storage", "--storage-driver=overlay", "load", "--quiet", "--input", image))
	}
	network := filepath.Join(workspace, "crio.net.d")
	must(t, os.MkdirAll(network, 0o755))
	must(t, os.WriteFile(filepath.Join(network, "lonely.conf"), []byte(crioNetwork), 0o644))
	must(t, os.WriteFile(filepath.Join(network, "lonely"), []byte(crioPlugin), 0o755))
	config := filepath.Join(workspace, "crio.conf.d")
	must(t, os.MkdirAll(config, 0o755))
	must(t, os.WriteFile(filepath.Join(config, "places.conf"), fmt.Appendf(nil, crioPlaces, programs[1], network), 0o644))
	must(t, os.WriteFile(filepath.Join(config, "tare.conf"), []byte(strings.ReplaceAll(guide(t, "CRI-O"), "/usr/local/sbin/tare", tare)), 0o644))
	must(t, os.WriteFile(filepath.Join(config, "others.conf"), []byte(otherHandlers(t)), 0o644))
	t.Cleanup(removeConmonCgroups)
	command := crictl(t, "/run/crio/crio.sock")
	s := daemon(t, func() error { return answered(append(command, "info")...) }, programs[0], "--config", "", "--config-dir", config)
	return func(runtime string) *engine {
		return &engine{
			name: "CRI-O", runtime: runtime, command: command,
			clean: func(e *engine) {
				e.try("rm", "--all", "--force") // a pod that is stopped gives its containers all the time that crictl has
				e.try("rmp", "--all", "--force")
			},
			daemon: s,
		}
	}
}

// removeConmonCgroups does what CRI-O leaves to the kubelet.
func removeConmonCgroups() {
	for _, pattern := range []string{"/sys/fs/cgroup/tare-engines/crio-*", "/sys/fs/cgroup/*/tare-engines/crio-*"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			removeTree(path)
		}
	}
}

// otherHandlers are the yardsticks, and for each runtime one more that is asked for less.
func otherHandlers(t *testing.T) string {
	t.Helper()
	runc, err := exec.LookPath("runc")
	must(t, err)
	paths := map[string]string{"runc": runc}
	for runtime, path := range map[string]string{"tare": tare, "runc": runc, "crun": "crun"} {
		modest := filepath.Join(workspace, runtime+modestly)
		must(t, os.WriteFile(modest, fmt.Appendf(nil, modestScript, path), 0o755))
		paths[runtime+modestly] = modest
	}
	paths["crun"] = paths["crun"+modestly]
	var config strings.Builder
	for name, path := range paths {
		fmt.Fprintf(&config, "[crio.runtime.runtimes.%s]\nruntime_path = %q\nruntime_root = \"/run/%s\"\n", name, path, strings.TrimSuffix(name, modestly))
	}
	return config.String()
}

// modestly is the end of the name of a handler whose runtime can do what it is asked on this machine: the infra container
// has a score that needs CAP_SYS_RESOURCE, and crun 1.8.1 of the distribution knows no later version of the specification.
const modestly = "-modest"

const modestScript = `#!/bin/sh
for word; do
	[ "$last" != --bundle ] || sed -i -e 's/\("oomScoreAdj":\) *-998/\1 0/' -e 's/\("ociVersion":\) *"[^"]*"/\1 "1.0.2"/' "$word/config.json"
	last=$word
done
exec %q "$@"
`

// guide is the first block of configuration below a heading of docs/engines.md.
func guide(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/engines.md")
	must(t, err)
	block := regexp.MustCompile("(?s)\n## " + regexp.QuoteMeta(heading) + "\n.*?\n```[a-z]+\n(.*?)\n```").FindSubmatch(text)
	if block == nil {
		t.Fatalf("docs/engines.md has nothing for %s", heading)
	}
	return string(block[1])
}

// A10: what a kubelet does by way of CRI-O.
func TestCRIO(t *testing.T) { perform(t, startCRIO(t), slices.Concat(criOperations, crioOperations)) }
