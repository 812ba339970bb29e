package main

import (
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/tare-run/tare/libcontainer"
)

// JU1 to JU8, JU12: command lines of update and what must arrive.
func TestUpdateOptions(t *testing.T) {
	limit := func(flag, pointer, value string) libcontainer.UpdateOptions {
		return libcontainer.UpdateOptions{Limits: []libcontainer.LimitFlag{{Flag: flag, Pointer: pointer, Value: value}}}
	}
	for _, test := range []struct {
		name string
		args []string
		want libcontainer.UpdateOptions
	}{
		{"as containerd 1.6 does", []string{"--resources", "-", "web1"}, libcontainer.UpdateOptions{Resources: "-"}},
		{"as containerd 2 does", []string{"--resources=-", "web1"}, libcontainer.UpdateOptions{Resources: "-"}},
		{"as podman does", []string{"--resources=/var/tmp/podman1", "web1"}, libcontainer.UpdateOptions{Resources: "/var/tmp/podman1"}},
		{"short, behind the id", []string{"web1", "-r", "/f"}, libcontainer.UpdateOptions{Resources: "/f"}},
		{"memory", []string{"--memory", "1.5g", "web1"}, limit("--memory", "/memory/limit", "1610612736")},
		{"no memory limit", []string{"--memory=-1", "web1"}, limit("--memory", "/memory/limit", "-1")},
		{"memory limit removed", []string{"--memory", "unset", "web1"}, limit("--memory", "/memory/limit", "null")},
		{"behind the id", []string{"web1", "--memory-swap", "-1"}, limit("--memory-swap", "/memory/swap", "-1")},
		{"reservation", []string{"--memory-reservation", "64M", "web1"}, limit("--memory-reservation", "/memory/reservation", "67108864")},
		{"no reservation", []string{"--memory-reservation", "0", "web1"}, limit("--memory-reservation", "/memory/reservation", "null")},
		{"quota", []string{"--cpu-quota", "-1", "web1"}, limit("--cpu-quota", "/cpu/quota", "-1")},
		{"period, the default", []string{"--cpu-period", "0", "web1"}, limit("--cpu-period", "/cpu/period", "null")},
		{"burst", []string{"--cpu-burst", "0", "web1"}, limit("--cpu-burst", "/cpu/burst", "0")},
		{"shares", []string{"--cpu-share", "512", "web1"}, limit("--cpu-share", "/cpu/shares", "512")},
		{"idle", []string{"--cpu-idle", "1", "web1"}, limit("--cpu-idle", "/cpu/idle", "1")},
		{"realtime period", []string{"--cpu-rt-period", "900000", "web1"}, limit("--cpu-rt-period", "/cpu/realtimePeriod", "900000")},
		{"realtime runtime", []string{"--cpu-rt-runtime", "1000", "web1"}, limit("--cpu-rt-runtime", "/cpu/realtimeRuntime", "1000")},
		{"cpus", []string{"--cpuset-cpus", "0-1", "web1"}, limit("--cpuset-cpus", "/cpu/cpus", `"0-1"`)},
		{"nodes", []string{"--cpuset-mems", `"`, "web1"}, limit("--cpuset-mems", "/cpu/mems", `"\""`)},
		{"processes", []string{"--pids-limit", "0", "web1"}, limit("--pids-limit", "/pids/limit", "0")},
		{"block I/O", []string{"--blkio-weight", "500", "web1"}, limit("--blkio-weight", "/blockIO/weight", "500")},
		{"device rules in order", []string{"--device-deny", "c 1:1 w", "--device-allow", "/dev/fuse", "--device-deny=a", "web1"},
			libcontainer.UpdateOptions{DeviceRules: []libcontainer.DeviceRuleFlag{
				{Flag: "--device-deny", Rule: "c 1:1 w"}, {Flag: "--device-allow", Allow: true, Rule: "/dev/fuse"}, {Flag: "--device-deny", Rule: "a"},
			}}},
		{"schemas", []string{"--l3-cache-schema", "L3:0=f", "--mem-bw-schema=MB:0=20", "web1"}, libcontainer.UpdateOptions{L3CacheSchema: "L3:0=f", MemBwSchema: "MB:0=20"}},
		{"devices of the file", []string{"-r", "-", "--replace-devices", "web1"}, libcontainer.UpdateOptions{Resources: "-", ReplaceDevices: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var r recorder
			got := invoke(&r, append([]string{"update"}, test.args...)...)
			if got != (result{}) {
				t.Fatalf("%+v", got)
			}
			if r.call != "update" || r.id != "web1" || !reflect.DeepEqual(r.options, test.want) {
				t.Errorf("got %s %q %+v", r.call, r.id, r.options)
			}
		})
	}
}

// JU2 JU3: what update refuses, and what it only warns about.
func TestUpdateRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"web1":                            "update: no change is asked for; usage: tare update [options] ID",
		"--memory 1q web1":                `update: invalid value "1q" for flag -memory: not a size such as 1073741824, 512m or 1.5g, nor -1 or "unset"; see "tare update --help"`,
		"--memory 0 web1":                 `update: invalid value "0" for flag -memory: would change nothing; "unset" removes the limit; see "tare update --help"`,
		"--memory -2 web1":                `update: invalid value "-2" for flag -memory: not a size such as 1073741824, 512m or 1.5g, nor -1 or "unset"; see "tare update --help"`,
		"--cpu-share 1k web1":             `update: invalid value "1k" for flag -cpu-share: not a number, nor "unset"; see "tare update --help"`,
		"--cpuset-cpus= web1":             `update: invalid value "" for flag -cpuset-cpus: empty; leave the option out, or give "unset"; see "tare update --help"`,
		"web1 --memory 1m more arguments": "update: takes exactly 1 argument, got 3; usage: tare update [options] ID",
	} {
		var r recorder
		got := invoke(&r, strings.Fields("update "+args)...)
		if got != (result{1, "", errorLine(want)}) || r.call != "" {
			t.Errorf("%s: %+v", args, got)
		}
	}
	var r recorder
	got := invoke(&r, strings.Fields("update --kernel-memory 5m --kernel-memory-tcp 1 --memory 6m web1")...)
	if got.status != 0 || r.call != "update" || strings.Count(got.stderr, "level=warning") != 2 || !strings.Contains(got.stderr, "--kernel-memory-tcp is ignored") {
		t.Errorf("%+v", got)
	}
}

// JU10: what is in force is printed in a form that --resources takes.
func TestUpdatePrint(t *testing.T) {
	r := recorder{resources: specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(7))}}}
	got := invoke(&r, "update", "--print", "web1")
	if want := "{\n  \"pids\": {\n    \"limit\": 7\n  }\n}\n"; got != (result{0, want, ""}) {
		t.Errorf("%+v", got)
	}
}
