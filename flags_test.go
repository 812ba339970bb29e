package main

import (
	"os"
	"strings"
	"testing"
)

// Row B1, and section 1 of the engine contract: where state lives without --root.
func TestStateRoot(t *testing.T) {
	tests := []struct {
		name, flag, xdg, user string
		asRoot                string // as uid 0 in the initial user namespace
		asUser                string // as any other uid
	}{
		{"flag", "/x", "/run/user/0", "alice", "/x", "/x"},
		{"nothing set", "", "", "", "/run/tare", "/run/tare"},
		{"runtime directory", "", "/run/user/1", "root", "/run/tare", "/run/user/1/tare"},
		{"runtime directory, other USER", "", "/run/user/1", "alice", "/run/tare", "/run/user/1/tare"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("XDG_RUNTIME_DIR", tt.xdg)
			t.Setenv("USER", tt.user)
			want := tt.asUser
			if os.Geteuid() == 0 {
				if tt.user != "root" && inUserNamespace() {
					t.Skip("uid 0 of a user namespace: the answer depends on who made it")
				}
				want = tt.asRoot
			}
			g := globals{root: tt.flag}
			if got := g.stateRoot(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestIsInitialMap(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n":                                   true,
		"         0       1000          1\n":                                   false,
		"         0       1000          1\n         1     100000      65536\n": false,
		"": false, // a new namespace before its map is written
	} {
		if got := isInitialMap(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

// Rows A8, B7, B8: Podman on a systemd host gives both flags for a container with cgroups disabled.
func TestManager(t *testing.T) {
	tests := []struct{ args, want string }{
		{"", "cgroupfs"},
		{"--systemd-cgroup", "systemd"},
		{"--systemd-cgroup=false", "cgroupfs"},
		{"--cgroup-manager systemd", "systemd"},
		{"--systemd-cgroup --cgroup-manager disabled", "disabled"},
		{"--cgroup-manager=disabled --systemd-cgroup", "disabled"},
	}
	for _, tt := range tests {
		var r recorder
		if got := invoke(&r, strings.Fields(tt.args+" start web1")...); got.status != 0 {
			t.Fatalf("%s: %+v", tt.args, got)
		}
		if r.runtime.CgroupManager != tt.want {
			t.Errorf("%s: got %q", tt.args, r.runtime.CgroupManager)
		}
	}
}

// Row B9: every form that callers of runc use.
func TestRootless(t *testing.T) {
	for _, args := range []string{"--rootless false", "--rootless=false", "--rootless=auto", "--rootless=0", "--rootless true", "--rootless=1"} {
		if got := invoke(&recorder{}, strings.Fields(args+" start web1")...); got != (result{}) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}
