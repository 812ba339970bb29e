package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// The systemd cgroup driver. These tests need systemd as init.

// J2 J10 J43 B7: a scope of the name and in the slice that cgroupsPath gives, with init in it, not in a cgroup below, and the
// cgroup delegated; it ends with the container.
func TestSystemdLifecycle(t *testing.T) {
	s := newScope(t).create()
	wants(t, "cgroup of init", strings.TrimSpace(read(t, "/proc/"+itoa(s.pid)+"/cgroup")), "0::/system.slice/"+s.unit)
	s.wantProperties(`ActiveState=active
		Slice=system.slice
		Delegate=yes
		CollectMode=inactive-or-failed
		DefaultDependencies=no
		TasksMax=infinity
		DevicePolicy=auto
		Description=tare container ` + s.id + ` in ` + stateRoot())
	controllers := strings.Fields(read(t, filepath.Join(s.dir, "cgroup.controllers")))
	if want := strings.Fields(read(t, "/sys/fs/cgroup/cgroup.controllers")); !slices.Equal(controllers, want) {
		t.Errorf("controllers %q, want all: %q", controllers, want)
	}
	state := s.state()
	wants(t, "status", state.Status, "created")
	wants(t, "unit", state.Unit, s.unit)
	s.start()
	var pids []int
	s.try("ps", "--format", "json").decode(&pids)
	if !slices.Equal(pids, []int{s.pid}) {
		t.Errorf("processes %v, want %d", pids, s.pid)
	}
	wants(t, "status", s.state().Status, "running")
	s.stop()
	wants(t, "status", s.state().Status, "stopped")
	s.try("delete").succeeds()
	s.unitGone()
}

// J10: the defaults, a nested slice, a slice as the container's own cgroup, an id that is no name for a unit.
func TestSystemdPlaces(t *testing.T) {
	requireSystemd(t)
	for _, row := range []struct{ name, path, unit, dir string }{
		{"nothing given", "", "tare-ID.scope", "system.slice/tare-ID.scope"},
		{"name alone", "::ID", "ID.scope", "system.slice/ID.scope"},
		{"nested slice", "tareit-a-b.slice:p:ID", "p-ID.scope", "tareit.slice/tareit-a.slice/tareit-a-b.slice/p-ID.scope"},
		{"root slice", "-.slice:p:ID", "p-ID.scope", "p-ID.scope"},
		{"a slice", "::tareitx.slice", "tareitx.slice", "tareitx.slice"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScope(t)
			named := func(text string) string { return strings.ReplaceAll(text, "ID", s.id) }
			s.spec.Linux.CgroupsPath = named(row.path)
			s.name(named(row.unit))
			s.scopeDir(named(row.dir))
			s.create()
			wants(t, "cgroup of init", strings.TrimSpace(read(t, "/proc/"+itoa(s.pid)+"/cgroup")), "0::/"+named(row.dir))
			wants(t, "state of the unit", s.property("ActiveState"), "active")
			s.stop()
		})
	}
	for _, slice := range []string{"tareit-a-b.slice", "tareit-a.slice", "tareit.slice"} {
		systemctl(t, "stop", slice)
	}
	s := newScope(t)
	for _, path := range []string{"/absolute", "a:b", "system.slice:a/../b:c", "nosuffix:b:c", "a.slice::b.slice"} {
		s.spec.Linux.CgroupsPath = path
		s.tryWith(systemdCgroup, "create").fails("config.json /linux/cgroupsPath: ", path)
		s.nothingLeft()
	}
}

func (s *scope) scopeDir(dir string) { s.dir = filepath.Join("/sys/fs/cgroup", dir) }

// limits is one of each kind: with a property, with one that says something else, and without one.
func limits(r *specs.LinuxResources) {
	r.Memory = &specs.LinuxMemory{Limit: new(int64(64 << 20)), Reservation: new(int64(32 << 20)), Swap: new(int64(96 << 20))}
	r.CPU = &specs.LinuxCPU{Shares: new(uint64(512)), Quota: new(int64(33500)), Period: new(uint64(100000)), Cpus: "0", Burst: new(uint64(1000))}
	r.Pids = &specs.LinuxPids{Limit: new(int64(20))}
	r.Unified = map[string]string{"memory.high": "60M", "cpu.max": "33500 100000", "cgroup.max.depth": "7", "pids.max": "20"}
}

const (
	limitFiles = `memory.max=67108864
		memory.low=33554432
		memory.high=62914560
		cpu.weight=59
		cpuset.cpus=0
		cpu.max.burst=1000
		pids.max=20
		cgroup.max.depth=7`
	limitProperties = `MemoryMax=67108864
		MemoryLow=33554432
		MemoryHigh=62914560
		MemorySwapMax=33554432
		CPUWeight=59
		CPUQuotaPerSecUSec=340ms
		CPUQuotaPeriodUSec=100ms
		AllowedCPUs=0
		TasksMax=20`
)

// J2 J41 J42: limits are properties where systemd has one, so that a reload of its configuration does not take them away;
// files have what systemd cannot say, or says less exactly.
func TestSystemdLimits(t *testing.T) {
	s := newScope(t, withResources(limits)).create()
	s.wantProperties(limitProperties)
	s.wantFiles(limitFiles + "\n cpu.max=33500 100000")
	systemctl(t, "daemon-reload")
	s.wantFiles(limitFiles)
	s.start()
	s.stop()
}

// J28: no process but init; systemd cannot say 0.
func TestSystemdPidsZero(t *testing.T) {
	s := newScope(t, withResources(func(r *specs.LinuxResources) { r.Pids = &specs.LinuxPids{Limit: new(int64(0))} })).create()
	s.wantFiles("pids.max=0")
	systemctl(t, "daemon-reload")
	if left := strings.TrimSpace(read(t, filepath.Join(s.dir, "pids.max"))); left != "0" && left != "1" {
		t.Errorf("after a reload pids.max is %s", left)
	}
	s.stop()
}

// JU1 J42: so are those of an update, and of one that is taken back.
func TestSystemdUpdate(t *testing.T) {
	s := newScope(t, withResources(limits)).create().start()
	s.try("update", "--memory", "134217728", "--memory-swap", "268435456", "--pids-limit", "100", "--cpu-quota", "51500", "--cpu-share", "1024").succeeds()
	const properties = `MemoryMax=134217728
		MemorySwapMax=134217728
		TasksMax=100
		CPUWeight=100
		CPUQuotaPerSecUSec=520ms
		MemoryLow=33554432`
	const files = `memory.max=134217728
		memory.swap.max=134217728
		memory.low=33554432
		pids.max=100
		cpu.weight=100
		cgroup.max.depth=7`
	s.wantProperties(properties)
	s.wantFiles(files + "\n cpu.max=51500 100000")
	systemctl(t, "daemon-reload")
	s.wantFiles(files)

	// A CPU that does not exist is refused after the memory limit has been set.
	s.try("update", "--pids-limit", "50", "--memory", "67108864", "--memory-swap", "-1", "--cpuset-mems", "99").fails("everything is as before")
	s.wantProperties(properties)
	s.wantFiles(files)
	systemctl(t, "daemon-reload")
	s.wantFiles(files)

	patch := filepath.Join(s.bundle.dir, "patch.json")
	must(t, os.WriteFile(patch, []byte(`{"memory": {"limit": null, "swap": null, "reservation": null}, "pids": null, "unified": {"memory.high": null}}`), 0o644))
	s.try("update", "--resources", patch).succeeds()
	for range 2 {
		s.wantFiles("memory.max=max\n memory.low=0\n memory.high=max\n pids.max=max\n cpu.weight=100")
		s.wantProperties("MemoryMax=infinity\n TasksMax=infinity\n MemoryHigh=infinity")
		systemctl(t, "daemon-reload")
	}
	s.stop()
}

// H23 JU8: a device allowed at create still opens after systemd has reloaded its configuration or has executed itself anew,
// one that an update has allowed too, and a forbidden one stays forbidden.
func TestSystemdDevicesSurviveReload(t *testing.T) {
	node := func(path string, major, minor int64) specs.LinuxDevice {
		return specs.LinuxDevice{Path: path, Type: "c", Major: major, Minor: minor}
	}
	allow := func(major, minor int64) specs.LinuxDeviceCgroup {
		return specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &major, Minor: &minor, Access: "r"}
	}
	s := newScope(t, withShell(`
		look() { l=; for n in kmsg loop fuse; do (: </dev/$n) 2>/dev/null && l="$l $n"; done; echo "opens:$l"; }
		trap look USR1; echo ready; while :; do sleep 0.01; done`),
		withLinux(func(l *specs.Linux) {
			l.Devices = []specs.LinuxDevice{node("/dev/kmsg", 1, 11), node("/dev/loop", 10, 237), node("/dev/fuse", 10, 229)}
			l.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}, allow(1, 11)}}
		}),
		withProcess(func(p *specs.Process) {
			caps := []string{"CAP_SYSLOG", "CAP_MKNOD"}
			p.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Permitted: caps, Effective: caps}
		}))
	for _, path := range []string{"/dev/kmsg", "/dev/loop-control", "/dev/fuse"} {
		f, err := os.Open(path) // what cannot be opened here would look forbidden
		skipUnless(t, err == nil, "this machine cannot open "+path)
		f.Close()
	}
	s.create().start()
	wants(t, "output", s.printed(), "ready")
	// Each of these makes systemd write the unit's cgroup anew.
	upheavals := [][]string{
		{"daemon-reload"}, {"set-property", "--runtime", s.unit, "CPUWeight=50"}, {"daemon-reexec"}, {"daemon-reload"},
	}
	for _, want := range []string{"opens: kmsg", "opens: kmsg loop"} {
		wants(t, "before", s.opens(), want)
		for _, upheaval := range upheavals {
			systemctl(t, upheaval...)
			wants(t, "after "+upheaval[0], s.opens(), want)
		}
		s.try("update", "--device-allow", "c 10:237 r").succeeds()
	}
	s.try("update", "--device-deny", "c 1:11 r").succeeds()
	systemctl(t, "daemon-reload")
	wants(t, "after a denial", s.opens(), "opens: loop")
	s.stop()
}

// J41: properties of the unit by annotation.
func TestSystemdAnnotations(t *testing.T) {
	const prefix = "org.systemd.property."
	s := newScope(t, withAnnotation(prefix+"TimeoutStopSec", "3"), withAnnotation(prefix+"CollectMode", "'inactive'"),
		withAnnotation(prefix+"Documentation", "['https://example.org/a', 'https://example.org/b']")).create()
	s.wantProperties("TimeoutStopUSec=3s\n CollectMode=inactive\n Documentation=https://example.org/a https://example.org/b")
	s.stop()
	for key, value := range map[string]string{"NoSuchThing": "5", "TimeoutStopUSec": "5", "CollectMode": "inactive", "Slice": "'a.slice'", "After": "'a.service'"} {
		wrong := newScope(t, withAnnotation(prefix+key, value))
		wrong.tryWith(systemdCgroup, "create").fails("config.json /annotations/"+prefix+key+": ", key)
		wrong.nothingLeft()
		wrong.unitGone()
	}
}

// C28 C29 C30 J37: a container that is paused stays so when systemd reloads.
func TestSystemdPause(t *testing.T) {
	s := newScope(t).create().start()
	s.try("pause").succeeds()
	systemctl(t, "daemon-reload")
	wants(t, "status", s.state().Status, "paused")
	s.try("update", "--memory", "134217728").succeeds()
	wants(t, "status after an update", s.state().Status, "paused")
	s.try("resume").succeeds()
	wants(t, "status", s.state().Status, "running")
	s.try("pause").succeeds()
	s.try("delete", "--force").succeeds()
	s.unitGone()
}

// C25: kill --all reaches every process of the scope; run ends with the program's status and leaves nothing.
func TestSystemdKillAndRun(t *testing.T) {
	s := newScope(t, withShell("sleep 600 & sleep 600")).create().start()
	eventually(t, "three processes run", func() bool {
		return len(strings.Fields(read(t, filepath.Join(s.dir, "cgroup.procs")))) == 3
	})
	invoke(t, invocation{args: []string{"kill", "--all", s.id, "KILL"}}).succeeds()
	s.wait()
	s.try("delete").succeeds()

	r := newScope(t, withShell("exit 7"))
	if got := r.tryWith(systemdCgroup, "run"); got.status != 7 {
		t.Errorf("%v, want status 7", got)
	}
	r.unitGone()
}

// L: events tell of a container that systemd has taken the cgroup of.
func TestSystemdEvents(t *testing.T) {
	s := newScope(t, withShell("read line </fifo; exec tail -n1 /dev/zero"), withResources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: new(int64(24 << 20)), Swap: new(int64(24 << 20))}
	}))
	mkfifo(t, s.path("fifo"))
	s.create().start()
	if stats := s.try("events", "--stats").succeeds().stdout; !strings.Contains(stats, `"memory"`) || !strings.Contains(stats, `"limit":25165824`) {
		t.Errorf("statistics %s", stats)
	}
	events := invoke(t, invocation{args: []string{"events", s.id}, whileItRuns: func(*os.Process) {
		must(t, os.WriteFile(s.path("fifo"), []byte("go\n"), 0))
	}}).succeeds().stdout
	if !strings.Contains(events, `"type":"oom"`) || !strings.Contains(events, `"cause":"oom"`) {
		t.Errorf("events %s", events)
	}
	s.wait()
	s.try("delete").succeeds()
	s.unitGone()
}

// D12 D13: exec enters the scope, or a cgroup below it that the container has made; both go with the container.
func TestSystemdExec(t *testing.T) {
	s := newScope(t).create().start()
	wants(t, "cgroup of exec", s.execs("cat /proc/self/cgroup"), "0::/")
	must(t, os.Mkdir(filepath.Join(s.dir, "sub"), 0o755))
	wants(t, "cgroup of exec --cgroup", s.execs("cat /proc/self/cgroup", "--cgroup", "/sub"), "0::/sub")
	s.exec([]string{"--detach"}, "sleep", "600").succeeds()
	var pids []int
	s.try("ps", "--format", "json").decode(&pids)
	if len(pids) != 2 {
		t.Errorf("processes %v, want two", pids)
	}
	for _, pid := range pids {
		if pid != s.pid { // ours to reap, before the end of its pid namespace can be complete
			must(t, syscall.Kill(pid, syscall.SIGKILL))
			_, err := syscall.Wait4(pid, nil, 0, nil)
			must(t, err)
		}
	}
	s.try("delete", "--force").succeeds()
	s.unitGone()
}

// J25 J29 J33: limits of the other controllers, of those too that systemd does not know, and a cgroup that is idle.
func TestSystemdMoreLimits(t *testing.T) {
	s := newScope(t, withResources(func(r *specs.LinuxResources) {
		r.CPU = &specs.LinuxCPU{Idle: new(int64(1))}
		r.BlockIO = &specs.LinuxBlockIO{Weight: new(uint16(500))}
		r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}}
	})).create()
	weight := "io.weight=default 4950"
	if exists(filepath.Join(s.dir, "io.bfq.weight")) {
		weight = "io.bfq.weight=500"
	}
	s.wantFiles("cpu.idle=1\n hugetlb.2MB.max=4194304\n hugetlb.2MB.rsvd.max=4194304\n" + weight)
	s.wantProperties("CPUWeight=idle\n IOWeight=4950")
	systemctl(t, "daemon-reload")
	s.wantFiles("cpu.idle=1\n hugetlb.2MB.max=4194304\n io.weight=default 4950")
	s.start()
	s.try("update", "--cpu-idle", "0", "--cpu-share", "512").succeeds()
	for range 2 {
		s.wantFiles("cpu.idle=0\n cpu.weight=59\n hugetlb.2MB.max=4194304")
		systemctl(t, "daemon-reload")
	}
	s.wantProperties("CPUWeight=59")
	s.stop()
}
