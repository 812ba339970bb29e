package engines

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// kubeletConfiguration is that of a node by itself: its pods are files, and nothing of the host's is its to manage.
const kubeletConfiguration = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: %[1]s
fileCheckFrequency: 1s
syncFrequency: 1s
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /tare-kubelet
cgroupsPerQOS: false
enforceNodeAllocatable: []
failSwapOn: false
failCgroupV1: false
makeIPTablesUtilChains: false
localStorageCapacityIsolation: false
imageGCHighThresholdPercent: 100
evictionHard: {memory.available: "0%%", nodefs.available: "0%%", imagefs.available: "0%%", nodefs.inodesFree: "0%%", imagefs.inodesFree: "0%%"}
address: 127.0.0.1
readOnlyPort: 10255
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
volumePluginDir: /var/lib/kubelet/plugins
podLogsDir: /var/lib/kubelet/logs
`

// kubeletSysctls are those that a kubelet sets on its host, with the values that it wants. It is shown files that have them.
var kubeletSysctls = map[string]string{
	"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

// manifests is the directory of the pods.
func manifests() string { return filepath.Join(workspace, "manifests") }

// startKubelet starts a node. Pods that are files cannot choose a runtime, so theirs is the default of containerd, which with changes.
func startKubelet(t *testing.T) func(runtime string) *engine {
	t.Helper()
	program, err := filepath.Abs("../../build/bin/kubelet")
	must(t, err)
	_, err = os.Stat(program)
	skipUnless(t, err == nil, "kubelet is missing; make test-kubelet builds it")
	hideSysctls(t)
	must(t, os.MkdirAll(manifests(), 0o755))
	config := filepath.Join(workspace, "kubelet.yaml")
	must(t, os.WriteFile(config, fmt.Appendf(nil, kubeletConfiguration, manifests()), 0o644))
	with, containerd := startCRIDaemon(t, nil)
	answers := func() error { _, err := podStatuses(); return err }
	node := daemon(t, answers, program, "--config="+config, "--root-dir=/var/lib/kubelet", "--hostname-override=node")
	now := "tare"
	return func(runtime string) *engine {
		e := with(runtime)
		e.name, e.clean = "kubelet", removePods
		if runtime != now {
			must(t, node.stop(syscall.SIGTERM))
			must(t, containerd.stop(syscall.SIGTERM))
			must(t, replaceIn(filepath.Join(workspace, "cri.toml"), "default_runtime_name = \""+now+"\"", "default_runtime_name = \""+runtime+"\""))
			now = runtime
			must(t, containerd.start())
			must(t, node.start())
		}
		return e
	}
}

func replaceIn(file, old, replacement string) error {
	text, err := os.ReadFile(file)
	if err == nil && !strings.Contains(string(text), old) {
		err = fmt.Errorf("%s lacks %q", file, old)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.Replace(string(text), old, replacement, 1)), 0o644)
}

// hideSysctls shows the kubelet files in place of the sysctls of the host.
func hideSysctls(t *testing.T) {
	t.Helper()
	for name, value := range kubeletSysctls {
		path := filepath.Join(workspace, strings.ReplaceAll(name, "/", "."))
		must(t, os.WriteFile(path, []byte(value+"\n"), 0o644))
		must(t, unix.Mount(path, "/proc/sys/"+name, "", unix.MS_BIND, ""))
		t.Cleanup(func() { must(t, unix.Unmount("/proc/sys/"+name, unix.MNT_DETACH)) })
	}
}

// podStatus is what the kubelet says of a pod.
type podStatus struct {
	Metadata struct{ Name string }
	Status   struct {
		Phase             string
		ContainerStatuses []struct {
			Ready        bool
			RestartCount int
		}
	}
}

func podStatuses() ([]podStatus, error) {
	response, err := http.Get("http://127.0.0.1:10255/pods")
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var list struct{ Items []podStatus }
	return list.Items, json.NewDecoder(response.Body).Decode(&list)
}

// runs gives the kubelet a pod with these containers.
func (e *engine) runs(spec map[string]any) {
	for _, list := range []string{"containers", "initContainers"} {
		containers, _ := spec[list].([]map[string]any)
		for i, c := range containers {
			c["name"], c["image"], c["imagePullPolicy"] = fmt.Sprintf("%s-%d", strings.ToLower(list), i), image, "Never"
		}
	}
	spec["terminationGracePeriodSeconds"] = 1
	pod := map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": "pod", "namespace": "default"}, "spec": spec}
	text, err := json.Marshal(pod)
	must2(e, err)
	must2(e, os.WriteFile(filepath.Join(manifests(), "pod.json"), text, 0o644))
}

// comes waits until the kubelet says of its pod what is wanted.
func (e *engine) comes(what string, wanted func(*podStatus) bool) {
	var pods []podStatus
	for deadline := time.Now().Add(commandTimeout); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		pods, _ = podStatuses()
		if len(pods) == 1 && len(pods[0].Status.ContainerStatuses) > 0 && wanted(&pods[0]) {
			return
		}
	}
	e.fail("never %s: %+v; pods: %s", what, pods, e.try("pods").output)
}

// prints waits for the output of the first container.
func (e *engine) prints(want string) {
	var got string
	for deadline := time.Now().Add(commandTimeout); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		ids := strings.Fields(e.try("ps", "--all", "--quiet", "--name", "^containers-0").output)
		if len(ids) == 0 {
			continue
		}
		if got = e.try("logs", ids[0]).output; got == want {
			return
		}
	}
	e.fail("never printed %q, but %q; pods: %s", want, got, e.try("pods").output)
}

// removePods takes the pod away, and waits until nothing is left of it: what has been stopped, the kubelet keeps for a while.
func removePods(e *engine) {
	os.Remove(filepath.Join(manifests(), "pod.json"))
	var pods []podStatus
	var left []string
	for deadline := time.Now().Add(commandTimeout); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		pods, _ = podStatuses()
		e.try("rmp", "--all")
		left = leftOfPods()
		if len(pods) == 0 && e.try("pods", "--quiet").output == "" && len(left) == 0 {
			return
		}
	}
	e.try("rmp", "--all", "--force")
	e.fail("the pod does not end: %+v, left are %q", pods, left)
}

// leftOfPods are the directories and mounts of containers.
func leftOfPods() (left []string) {
	left = stateDirectories()
	table, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(table)) {
		if place := strings.Fields(line)[4]; strings.Contains(place, "/k8s.io/") || strings.HasPrefix(place, "/var/lib/kubelet/pods/") {
			left = append(left, place)
		}
	}
	return left
}

func containers(list ...map[string]any) map[string]any { return map[string]any{"containers": list} }

func shell(script string) map[string]any {
	return map[string]any{"command": []string{"sh", "-c", script}}
}

// A1: a kubelet without a cluster.
func TestKubelet(t *testing.T) { perform(t, startKubelet(t), kubeletOperations) }

var kubeletOperations = []operation{
	{"pod", func(e *engine) {
		e.runs(containers(shell("echo said; exec sleep 600")))
		e.comes("running", func(p *podStatus) bool { return p.Status.Phase == "Running" && p.Status.ContainerStatuses[0].Ready })
		e.prints("said")
		if e.runtime == "tare" && len(stateDirectories()) != 2 {
			e.fail("%q, want the container and its sandbox to be tare's", stateDirectories())
		}
	}},
	{"restart policy", func(e *engine) {
		e.runs(containers(shell("exit 3")))
		e.comes("restarted", func(p *podStatus) bool { return p.Status.ContainerStatuses[0].RestartCount > 0 })
	}},
	{"liveness probe", func(e *engine) {
		c := shell("exec sleep 600")
		c["livenessProbe"] = map[string]any{"exec": map[string]any{"command": []string{"false"}}, "periodSeconds": 1, "failureThreshold": 1}
		e.runs(containers(c))
		e.comes("restarted", func(p *podStatus) bool { return p.Status.ContainerStatuses[0].RestartCount > 0 })
	}},
	{"readiness probe", func(e *engine) {
		c := shell("exec sleep 600")
		c["readinessProbe"] = map[string]any{"exec": map[string]any{"command": []string{"test", "-e", "/tmp/ready"}}, "periodSeconds": 1}
		e.runs(containers(c))
		ready := func(p *podStatus) bool { return p.Status.ContainerStatuses[0].Ready }
		e.comes("running and not ready", func(p *podStatus) bool { return p.Status.Phase == "Running" && !ready(p) })
		e.does("exec", e.does("ps", "--quiet", "--name", "^containers-0"), "touch", "/tmp/ready")
		e.comes("ready", ready)
	}},
	{"init container and shared volume", func(e *engine) {
		volume := []map[string]any{{"name": "shared", "mountPath": "/shared"}}
		first, second := shell("echo passed on >/shared/file"), shell("cat /shared/file; exec sleep 600")
		first["volumeMounts"], second["volumeMounts"] = volume, volume
		spec := containers(second)
		spec["initContainers"] = []map[string]any{first}
		spec["volumes"] = []map[string]any{{"name": "shared", "emptyDir": map[string]any{}}}
		e.runs(spec)
		e.prints("passed on")
	}},
	{"security context", func(e *engine) {
		c := shell("id -u; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; touch /file; exec sleep 600")
		c["securityContext"] = map[string]any{
			"runAsUser": 1000, "readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false,
			"capabilities": map[string]any{"drop": []string{"ALL"}}, "seccompProfile": map[string]any{"type": "RuntimeDefault"},
		}
		e.runs(containers(c))
		e.prints("1000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\ntouch: /file: Read-only file system")
	}},
	{"memory limit", func(e *engine) {
		e.needs("memory")
		c := shell("cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max; exec sleep 600")
		c["resources"] = map[string]any{"limits": map[string]any{"memory": "64Mi"}}
		e.runs(containers(c))
		e.prints("67108864")
	}},
	{"network of the host", func(e *engine) {
		own, err := os.Readlink("/proc/self/ns/net")
		must2(e, err)
		spec := containers(shell("readlink /proc/self/ns/net; exec sleep 600"))
		spec["hostNetwork"] = true
		e.runs(spec)
		e.prints(own)
	}},
	{"two containers and a port", func(e *engine) {
		server := shell("while :; do echo answer | busybox nc -l -p 8080; done")
		client := shell("until busybox nc 127.0.0.1 8080 </dev/null 2>/dev/null | grep answer; do sleep 0.1; done; exec sleep 600")
		e.runs(containers(client, server))
		e.prints("answer")
	}},
}

func stateDirectories() []string {
	directories, _ := filepath.Glob("/run/containerd/runc/k8s.io/[^.]*") // a leading dot is the cache
	return directories
}
