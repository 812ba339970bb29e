package systemd

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// show writes properties as the tables have them: Name=value, with a star for one that may be missing.
func show(list []Property) string {
	var words []string
	for _, p := range list {
		value := fmt.Sprint(p.Value.V)
		if p.Value.V == uint64(math.MaxUint64) {
			value = "infinity"
		}
		if p.Optional {
			value += "*"
		}
		words = append(words, p.Name+"="+value)
	}
	return strings.Join(words, " ")
}

// J2 J42: what is written to which file, in systemd's words.
func TestProperties(t *testing.T) {
	for _, row := range []struct{ files, want string }{
		{"memory.max 1048576", "MemoryMax=1048576"},
		{"memory.max max", "MemoryMax=infinity"},
		{"memory.high 1G", "MemoryHigh=1073741824"},
		{"memory.high 1k", "MemoryHigh=1024"},
		{"memory.min 0", "MemoryMin=0"},
		{"memory.low 5", "MemoryLow=5"},
		{"memory.swap.max 0", "MemorySwapMax=0"},
		{"memory.zswap.max 4096", "MemoryZSwapMax=4096*"},
		{"memory.zswap.writeback 0", "MemoryZSwapWriteback=false*"},
		{"memory.oom.group 1", "OOMPolicy=kill*"},
		{"memory.oom.group 0", "OOMPolicy=continue*"},
		{"memory.max 16E", ""}, {"memory.max abc", ""}, {"memory.max -1", ""}, {"memory.max", ""},

		{"cpu.weight 79", "CPUWeight=79"}, {"cpu.weight 0", ""}, {"cpu.weight 10001", ""},
		{"cpu.idle 1", "CPUWeight=0*"}, {"cpu.idle 0", "CPUWeight=infinity"},
		{"cpu.idle 0;cpu.weight 79", "CPUWeight=79"},
		{"cpu.weight 79;cpu.idle 1", "CPUWeight=0*"},
		{"cpu.weight 79;cpu.idle 0", "CPUWeight=79"},
		// J41: rounded up to a percent of a CPU.
		{"cpu.max 50000 100000", "CPUQuotaPerSecUSec=500000 CPUQuotaPeriodUSec=100000"},
		{"cpu.max 33500 100000", "CPUQuotaPerSecUSec=340000 CPUQuotaPeriodUSec=100000"},
		{"cpu.max 1000 1000000", "CPUQuotaPerSecUSec=10000 CPUQuotaPeriodUSec=1000000"},
		{"cpu.max 250000", "CPUQuotaPerSecUSec=2500000 CPUQuotaPeriodUSec=100000"},
		{"cpu.max max 50000", "CPUQuotaPerSecUSec=infinity CPUQuotaPeriodUSec=50000"},
		{"cpu.max 0 100000", ""}, {"cpu.max 1 1", ""}, {"cpu.max x 100000", ""}, {"cpu.max 99999999999999 100000", ""},

		{"cpuset.cpus 0-3,8", "AllowedCPUs=[15 1]"}, {"cpuset.cpus 15", "AllowedCPUs=[0 128]"}, {"cpuset.cpus", "AllowedCPUs=[]"},
		{"cpuset.mems 0", "AllowedMemoryNodes=[1]"},
		{"cpuset.cpus 3-1", ""}, {"cpuset.cpus 0-99999999", ""}, {"cpuset.cpus all", ""}, {"cpuset.cpus 0-6:2", ""},

		{"pids.max 5", "TasksMax=5"}, {"pids.max max", "TasksMax=infinity"}, {"pids.max 0", "TasksMax=1"},
		{"io.weight 200", "IOWeight=200"}, {"io.weight default 200", "IOWeight=200"}, {"io.weight 8:0 200", ""},
		{"io.bfq.weight 1000", "IOWeight=10000"}, {"io.bfq.weight 10", "IOWeight=1"}, {"io.bfq.weight 8:0 100", ""},

		{"hugetlb.2MB.max 5;io.max 8:0 rbps=1;cpu.max.burst 5;misc.max a 1;cgroup.max.depth 5;unknown.file x", ""},
		{"memory.max 1;memory.max 2;pids.max 3", "MemoryMax=2 TasksMax=3"}, // unified comes last, and wins
	} {
		var settings []Setting
		for entry := range strings.SplitSeq(row.files, ";") {
			file, value, _ := strings.Cut(entry, " ")
			settings = append(settings, Setting{file, value})
		}
		got := Properties(settings)
		if show(got) != row.want {
			t.Errorf("%s: %s, want %s", row.files, show(got), row.want)
		}
		for _, s := range settings {
			if len(got) > 0 && !HasProperty(s.File) {
				t.Errorf("%s has a property and is not among the files that systemd writes", s.File)
			}
		}
	}
}

// J41.
func TestAnnotations(t *testing.T) {
	for _, row := range []struct{ key, value, want string }{
		{"TimeoutStopSec", "3", "TimeoutStopUSec=3000000"},
		{"TimeoutStopSec", "uint64 3", "TimeoutStopUSec=3000000"},
		{"TimeoutStopSec", "1.5", "TimeoutStopUSec=1500000"},
		{"TimeoutStopUSec", "uint64 12", "TimeoutStopUSec=12"},
		{"CollectMode", "'inactive'", "CollectMode=inactive"},
		{"DefaultDependencies", "true", "DefaultDependencies=true"},
		{"After", "['a.service', 'b.service']", "After=[a.service b.service]"},
	} {
		got, err := fromAnnotations(map[string]string{AnnotationPrefix + row.key: row.value, "other": "x"})
		if err != nil || show(got) != row.want {
			t.Errorf("%s=%s: %s, %v; want %s", row.key, row.value, show(got), err, row.want)
		}
	}
	for _, row := range []struct{ key, value, want string }{
		{"TimeoutStopSec", "'3'", "not a time"},
		{"TimeoutStopSec", "-3", "not a time"},
		{"CollectMode", "inactive", "texts stand in quotes"},
		{"Collect-Mode", "'a'", "not the name of a property"},
		{"", "'a'", "not the name of a property"},
		{"PIDs", "[uint32 1]", "container's cgroup"},
		{"Slice", "'a.slice'", "container's cgroup"},
		{"Delegate", "false", "container's cgroup"},
		{"Description", "'a'", "its own unit"},
		{"DeviceAllow", "[('/dev/sda', 'rwm')]", "/linux/resources/devices"},
		{"DevicePolicy", "'auto'", "/linux/resources/devices"},
	} {
		_, err := fromAnnotations(map[string]string{AnnotationPrefix + row.key: row.value})
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "config.json /annotations/"+AnnotationPrefix+row.key+": ") {
			t.Errorf("%s=%s: %v, want %q", row.key, row.value, err, row.want)
		}
	}
}

func TestNewUnit(t *testing.T) {
	place := &Place{Unit: "tare-a.scope", Slice: "system.slice"}
	unit, list, err := NewUnit(&Options{
		Place: place, ID: "a", Root: "/run/tare",
		Annotations: map[string]string{AnnotationPrefix + "CollectMode": "'inactive'"},
		Settings:    []Setting{{"memory.max", "5"}, {"pids.max", "20"}},
	})
	const common = "Description=tare container a in /run/tare CollectMode=inactive DefaultDependencies=false CPUAccounting=true " +
		"MemoryAccounting=true IOAccounting=true TasksAccounting=true TasksMax="
	// A limit under which init might not start is for later, and no limit is none, whatever systemd's default is.
	want := common + "infinity Slice=system.slice Delegate=true MemoryMax=5"
	if err != nil || show(list) != want || unit != (Unit{"tare-a.scope", "tare container a in /run/tare"}) {
		t.Errorf("%+v: %s, %v;\nwant %s", unit, show(list), err, want)
	}
	if got := show(WithProcess(list, 7)); got != want+" PIDs=[7]" {
		t.Errorf("with a process: %s", got)
	}
	_, list, err = NewUnit(&Options{Place: &Place{Unit: "a.slice"}, Settings: []Setting{{"pids.max", "64"}}})
	if want := "CollectMode=inactive-or-failed"; err != nil || !strings.Contains(show(list), want) || strings.Contains(show(list), "Delegate") || !strings.Contains(show(list), "TasksMax=64") {
		t.Errorf("slice: %s, %v", show(list), err)
	}
}

func TestEscapeRoot(t *testing.T) {
	for root, want := range map[string]string{
		"/run/tare-1": "/run/tare-1", "/a b%n\\x": `/a\x20b\x25n\x5cx`, "/\xff\n": `/\xff\x0a`, "": "",
	} {
		if got := escapeRoot(root); got != want {
			t.Errorf("%q: %s, want %s", root, got, want)
		}
	}
}
