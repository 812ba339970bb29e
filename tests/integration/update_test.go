package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// updateFrom updates the container with JSON on standard input, as containerd does.
func (b *bundle) updateFrom(json string, flags ...string) result {
	b.t.Helper()
	path := filepath.Join(b.dir, "resources.json")
	must(b.t, os.WriteFile(path, []byte(json), 0o644))
	stdin, err := os.Open(path)
	must(b.t, err)
	defer stdin.Close()
	return b.tryWith(invocation{stdin: stdin}, "update", append([]string{"--resources=-"}, flags...)...)
}

// inForce is what tare says about the limits of the container.
func (b *bundle) inForce() *specs.LinuxResources {
	b.t.Helper()
	r := new(specs.LinuxResources)
	b.try("update", "--print").decode(r)
	return r
}

// limit reads a control file, whichever dialect has it; "" where no hierarchy has the controller.
func (b *bundle) limit(controller string, file limitFile) string {
	b.t.Helper()
	mount, unified := controllerMount(b.t, controller)
	name := file.v1
	if unified {
		name = file.v2
	}
	if mount == "" {
		return ""
	}
	return strings.TrimSpace(read(b.t, filepath.Join(mount, b.id, name)))
}

// The files that the tests below look at.
var (
	memoryMax       = limitFile{"memory.limit_in_bytes", "memory.max"}
	memorySwap      = limitFile{"memory.memsw.limit_in_bytes", "memory.swap.max"}
	memoryLow       = limitFile{"memory.soft_limit_in_bytes", "memory.low"}
	cpuQuota        = limitFile{"cpu.cfs_quota_us", "cpu.max"}
	cpuPeriod       = limitFile{"cpu.cfs_period_us", "cpu.max"}
	cpuBurst        = limitFile{"cpu.cfs_burst_us", "cpu.max.burst"}
	cpuWeight       = limitFile{"cpu.shares", "cpu.weight"}
	cpuIdle         = limitFile{"cpu.idle", "cpu.idle"}
	cpusetCPUs      = limitFile{"cpuset.cpus", "cpuset.cpus"}
	cpusetEffective = limitFile{"cpuset.cpus", "cpuset.cpus.effective"}
	pidsMax         = limitFile{"pids.max", "pids.max"}
)

// v1Max is how cgroup v1 shows that there is no limit of memory.
const v1Max = "9223372036854771712"

// JU2 JU4 JU5 JU6: each option changes its limit of a running container, and "unset" takes it back to what a new cgroup has
// (JU12). A controller that no hierarchy has is an error that names the option.
func TestUpdateOptions(t *testing.T) {
	for _, test := range []struct {
		name, controller string
		flags            string
		file             limitFile
		v1, v2           string
		removed          string // flags
		v1None, v2None   string
	}{
		{"memory", "memory", "--memory 64m", memoryMax, "67108864", "67108864", "--memory unset", v1Max, "max"},
		{"memory, -1", "memory", "--memory 64M", memoryMax, "67108864", "67108864", "--memory -1", v1Max, "max"},
		{"reservation", "memory", "--memory-reservation 32m", memoryLow, "33554432", "33554432", "--memory-reservation unset", v1Max, "0"},
		{"swap", "memory", "--memory 64m --memory-swap 96m", memorySwap, "100663296", "33554432", "--memory-swap unset", v1Max, "max"},
		{"swap, dropped with memory", "memory", "--memory 64m --memory-swap 64m", memorySwap, "67108864", "0", "--memory -1", v1Max, "max"},
		{"quota", "cpu", "--cpu-quota 50000", cpuQuota, "50000", "50000 100000", "--cpu-quota -1", "-1", "max 100000"},
		{"period", "cpu", "--cpu-period 50000", cpuPeriod, "50000", "max 50000", "--cpu-period 0", "100000", "max 100000"},
		{"quota and period", "cpu", "--cpu-quota 1000 --cpu-period 1000", cpuPeriod, "1000", "1000 1000", "--cpu-period unset --cpu-quota unset", "100000", "max 100000"},
		{"burst", "cpu", "--cpu-quota 50000 --cpu-burst 7000", cpuBurst, "7000", "7000", "--cpu-burst unset", "0", "0"},
		{"shares", "cpu", "--cpu-share 2048", cpuWeight, "2048", "174", "--cpu-share unset", "1024", "100"},
		{"idle", "cpu", "--cpu-idle 1", cpuIdle, "1", "1", "--cpu-idle unset", "0", "0"},
		{"cpus", "cpuset", "--cpuset-cpus 0", cpusetCPUs, "0", "0", "--cpuset-cpus unset", "", ""},
		{"pids", "pids", "--pids-limit 77", pidsMax, "77", "77", "--pids-limit unset", "max", "max"},
		{"pids, zero", "pids", "--pids-limit 0", pidsMax, "0", "0", "--pids-limit -1", "max", "max"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBundle(t).create().start()
			mount, unified := controllerMount(t, test.controller)
			flags := strings.Fields(test.flags)
			if mount == "" {
				b.try("update", flags...).fails(": --"+test.controller[:3], `: cgroup controller "`+test.controller+`": not supported`)
				return
			}
			want, none := test.v1, test.v1None
			if unified {
				want, none = test.v2, test.v2None
			}
			if test.controller == "cpuset" { // the kernel does not let it become empty while processes are in it
				none = strings.TrimSpace(read(t, filepath.Join(mount, "cpuset.cpus"+map[bool]string{true: ".effective"}[unified])))
			}
			b.try("update", flags...).succeeds()
			wants(t, test.flags, b.limit(test.controller, test.file), want)
			b.try("update", strings.Fields(test.removed)...).succeeds()
			wants(t, test.removed, b.limit(test.controller, test.file), none)
		})
	}
}

// JU1: a file or standard input; what is absent, zero or not known stays; null removes; options come on top.
func TestUpdateResources(t *testing.T) {
	b := newBundle(t, withArgs("sleep", "600"))
	if mount, _ := controllerMount(t, "pids"); mount == "" {
		t.Skip("no hierarchy has the controllers; TestUpdateOptions demands the errors")
	}
	b.spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: new(int64(500))}
	b.spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: new(int64(96 << 20))}
	b.create().start()
	check := func(memory, quota, pids string) {
		t.Helper()
		_, unified := controllerMount(t, "cpu")
		if unified {
			quota = strings.Replace(quota, "-1", "max", 1) + " 100000"
			memory = strings.Replace(memory, v1Max, "max", 1)
		}
		wants(t, "memory", b.limit("memory", memoryMax), memory)
		wants(t, "quota", b.limit("cpu", cpuQuota), quota)
		wants(t, "pids", b.limit("pids", pidsMax), pids)
	}
	b.updateFrom(`{"cpu": {"quota": 20000, "shares": 0, "cpus": ""}, "memory": {"limit": 0}, "later": {"x": null}}`).succeeds()
	check("100663296", "20000", "500")
	b.updateFrom(`{"memory": null, "cpu": {"quota": null}, "pids": {}}`).succeeds()
	check(v1Max, "-1", "500")
	file := filepath.Join(b.dir, "change")
	must(t, os.WriteFile(file, []byte(`{"pids": {"limit": 30}, "memory": {"limit": 67108864}}`), 0o644))
	b.try("update", "-r", file, "--pids-limit", "40").succeeds()
	check("67108864", "-1", "40")
	if r := b.inForce(); *r.Pids.Limit != 40 || *r.Memory.Limit != 64<<20 || r.CPU != nil {
		t.Errorf("in force: %+v", r)
	}

	for json, want := range map[string]string{
		`{"memory": {"limit": "5m"}}`:    "standard input /memory/limit: is a string, want a number",
		`{"pids": {"limit": 5}`:          "standard input",
		`[]`:                             "standard input: is an array, want an object",
		`null`:                           "standard input: is null, want an object",
		``:                               "standard input: is empty",
		`{"unified": {"../x.y": "1"}}`:   "standard input /unified/..~1x.y: is not the name of a cgroup file",
		`{"unified": {"no.file": null}}`: "standard input /unified/no.file: reset: not supported; what a new cgroup has",
		`{"devices": [{"allow": true, "access": "x"}]}`:    "standard input /devices/0/access",
		`{"cpu": {"quota": 5}}`:                            "standard input /cpu/quota: write \"5",
		`{"memory": {"limit": 1}, "memory": {"limit": 2}}`: "name is given twice",
	} {
		if r := b.updateFrom(json); r.status != 1 || !strings.Contains(r.message(), want) {
			t.Errorf("%s: %v, want %q", json, r, want)
		}
	}
	b.try("update", "-r", "/no/file").fails(`open "/no/file": no such file or directory`)
	check("67108864", "-1", "40")
}

// JU9: a change that is refused in part is taken back as a whole, in the kernel and in the record, and the error says so.
func TestUpdateRollsBack(t *testing.T) {
	mount, _ := controllerMount(t, "pids")
	skipUnless(t, mount != "" || unifiedMount(t) != "", "no cgroup hierarchy is mounted")
	b := newBundle(t)
	if mount == "" {
		b.create().start()
		b.updateFrom(`{"unified": {"cgroup.max.depth": "4", "cgroup.max.descendants": "x"}}`).
			fails("/unified/cgroup.max.descendants", "invalid argument", "; everything is as before")
		wants(t, "depth", strings.TrimSpace(read(t, filepath.Join(unifiedMount(t), b.id, "cgroup.max.depth"))), "max")
		return
	}
	b.spec.Linux.Resources.Memory = &specs.LinuxMemory{Limit: new(int64(64 << 20)), Swap: new(int64(128 << 20))}
	b.spec.Linux.Resources.Pids = &specs.LinuxPids{Limit: new(int64(500))}
	b.create().start()
	look := func() string {
		return strings.Join([]string{
			b.limit("memory", memoryMax), b.limit("memory", memorySwap), b.limit("memory", memoryLow), b.limit("cpu", cpuQuota), b.limit("cpu", cpuPeriod),
			b.limit("cpu", cpuWeight), b.limit("cpuset", cpusetEffective), b.limit("pids", pidsMax),
		}, " ")
	}
	before := look()
	for _, last := range []string{"--pids-limit=99999999999", "--cpuset-cpus=4000"} {
		b.try("update", "--memory=256m", "--memory-swap=300m", "--memory-reservation=5m", "--cpu-quota=9000", "--cpu-period=9000",
			"--cpu-share=77", "--cpuset-cpus=0", "--pids-limit=5", last).fails(strings.Split(last, "=")[0]+": write", "; everything is as before")
		wants(t, "limits after a failed update", look(), before)
	}
	if r := b.inForce(); *r.Memory.Limit != 64<<20 || r.CPU != nil {
		t.Errorf("in force: %+v", r)
	}
	// The rules are the last step before the record: what cannot be a file makes them fail, and what cannot be saved all of it.
	must(t, os.Mkdir(filepath.Join(stateRoot(), b.id, "resources.json.new"), 0o700))
	b.try("update", "--memory=256m", "--memory-swap=-1", "--device-allow=c 1:11 r").fails("resources.json.new", "; everything is as before")
	must(t, os.Remove(filepath.Join(stateRoot(), b.id, "resources.json.new")))
	wants(t, "limits after an update that could not be saved", look(), before)
}

// JU2: limits of memory and swap are raised together and lowered together; one alone keeps to what is recorded of the other.
func TestUpdateMemoryAndSwap(t *testing.T) {
	mount, unified := controllerMount(t, "memory")
	if mount == "" {
		t.Skip("no hierarchy has the memory controller; TestUpdateOptions demands the error")
	}
	skipUnless(t, unified || exists(filepath.Join(mount, "memory.memsw.limit_in_bytes")), "the kernel does not account swap")
	b := newBundle(t, withResources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: new(int64(64 << 20)), Swap: new(int64(96 << 20))}
	})).create().start()
	check := func(memory, both int) {
		t.Helper()
		swap := both
		if unified {
			swap = both - memory
		}
		wants(t, "memory", b.limit("memory", memoryMax), itoa(memory<<20))
		wants(t, "swap", b.limit("memory", memorySwap), itoa(swap<<20))
	}
	check(64, 96)
	b.try("update", "--memory=128m", "--memory-swap=200m").succeeds()
	check(128, 200)
	b.try("update", "--memory=32m", "--memory-swap=40m").succeeds()
	check(32, 40)
	b.try("update", "--memory=36m").succeeds()
	check(36, 40)
	b.try("update", "--memory-swap=80m").succeeds()
	check(36, 80)
	b.try("update", "--memory=100m").fails("memory", "; everything is as before")
	check(36, 80)
}

// J20: a limit below the usage is refused where config.json or the update asks for that look.
func TestUpdateChecksUsage(t *testing.T) {
	if mount, _ := controllerMount(t, "memory"); mount == "" {
		t.Skip("no hierarchy has the memory controller; TestUpdateOptions demands the error")
	}
	fill := withShell("dd if=/dev/zero of=/tmp/file bs=1M count=24 2>/dev/null; echo full; sleep 600")
	tmp := withMount(specs.Mount{Destination: "/tmp", Type: "tmpfs", Source: "tmpfs"})
	b := newBundle(t, fill, tmp, withResources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: new(int64(128 << 20)), CheckBeforeUpdate: new(true)}
	})).create().start()
	wants(t, "output", b.printed(), "full")
	b.try("update", "--memory=16m").fails("--memory: write", "the usage is already", "; everything is as before")
	wants(t, "memory", b.limit("memory", memoryMax), itoa(128<<20))
	b.try("update", "--memory=64m").succeeds()
	wants(t, "memory", b.limit("memory", memoryMax), itoa(64<<20))
	checkRunning(b)
}

// JU11: only what lives can be updated, paused or not.
func TestUpdateStates(t *testing.T) {
	allow := "--device-allow=c 1:11 r"
	b := newBundle(t).create()
	b.try("update", allow).succeeds()
	b.start()
	b.try("pause").succeeds()
	b.try("update", "--device-deny=c 1:11 r").succeeds()
	b.checkPaused(true, "paused")
	b.try("resume").succeeds()
	b.stop()
	b.try("update", allow).fails("container not running")
	if n := len(b.inForce().Devices); n != 2 {
		t.Errorf("%d device rules", n)
	}
	run(t, "update", allow, "tare-it-none").fails("container does not exist")

	bare := newBundle(t, withoutMount("/sys/fs/cgroup"))
	bare.spec.Linux.Resources = nil
	bare.createWith(invocation{args: []string{"--cgroup-manager", "disabled"}})
	bare.try("update", allow).fails("the container has no cgroup to limit")
}

// Section 2 of the engine contract: Podman runs update with nothing but PATH in its environment, and no global option.
func TestUpdateWithBareEnvironment(t *testing.T) {
	b := newBundle(t).create()
	must(t, os.WriteFile(filepath.Join(b.dir, "r"), []byte(`{"devices": null}`), 0o644))
	c := exec.Command(tare, "--root", stateRoot(), "update", "--resources="+filepath.Join(b.dir, "r"), b.id)
	c.Env = []string{"PATH=/usr/bin"}
	if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
