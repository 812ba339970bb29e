package spec

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tare-run/tare/internal/fault"
)

// TestUnsupported has one row for each thing that is refused. A row goes when the feature comes.
func TestUnsupported(t *testing.T) {
	for _, test := range []struct {
		name, data, pointer, what string
	}{
		{"U handler of crun", `"annotations":{"run.oci.handler":"krun"}`, "/annotations/run.oci.handler", confiningAnnotations[0].what},
		{"U filter of crun", `"annotations":{"run.oci.seccomp_bpf_data":"AAAA"}`, "/annotations/run.oci.seccomp_bpf_data", confiningAnnotations[1].what},
		{"U unknown system calls", `"annotations":{"run.oci.seccomp_fail_unknown_syscall":"1"}`, "/annotations/run.oci.seccomp_fail_unknown_syscall",
			confiningAnnotations[2].what},
		{"U plugins", `"annotations":{"run.oci.seccomp.plugins":"/a.so"}`, "/annotations/run.oci.seccomp.plugins", confiningAnnotations[3].what},
		{"vm", `"vm":{"kernel":{"path":"/k"}}`, "/vm", "virtual machines are"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := Load([]byte("{" + test.data + "}"))
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(Validate(s), func(e *fault.Error) bool {
				return e.Pointer == test.pointer && errors.Is(e, fault.ErrNotSupported) &&
					strings.HasSuffix(e.Error(), ": "+test.what+" not supported by this version of tare")
			})
			if at < 0 {
				t.Errorf("%s is not refused at %s: %q", test.what, test.pointer, lines(Validate(s)))
			}
		})
	}
}

// TestEmptySettingsAreAccepted: engines write members that ask for nothing (dockerd, containerd's CRI and Podman do).
func TestEmptySettingsAreAccepted(t *testing.T) {
	const data = `{
		"ociVersion": "1.0.2-dev",
		"root": {"path": "rootfs"},
		"process": {
			"args": ["sh"], "cwd": "/", "apparmorProfile": "", "selinuxLabel": "", "capabilities": {}, "rlimits": [],
			"execCPUAffinity": {}, "user": {"uid": 0, "gid": 0, "additionalGids": []}
		},
		"mounts": [], "hooks": {}, "annotations": {},
		"linux": {
			"uidMappings": [], "gidMappings": [], "timeOffsets": {}, "netDevices": {}, "mountLabel": "", "sysctl": {},
			"cgroupsPath": "", "devices": [], "namespaces": [], "maskedPaths": null, "readonlyPaths": [],
			"resources": {
				"devices": [], "network": {}, "rdma": {}, "hugepageLimits": [], "unified": {},
				"blockIO": {"weight": 0, "leafWeight": 0, "weightDevice": []}, "pids": {"limit": 0},
				"memory": {"kernel": -1, "kernelTCP": 0, "disableOOMKiller": false, "useHierarchy": true, "checkBeforeUpdate": true},
				"cpu": {"shares": 0, "realtimeRuntime": 0, "realtimePeriod": 0, "cpus": ""}
			}
		}
	}`
	s, err := Load([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Validate(s) {
		t.Error(p)
	}
}

func TestNames(t *testing.T) {
	if got, want := NamespaceTypes(), []string{"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := HookNames(), []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
