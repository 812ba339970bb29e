package stats

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// files is a cgroup directory in memory.
func files(m map[string]string) Files {
	return func(name string) (string, error) {
		text, ok := m[name]
		if !ok {
			return "", unix.ENOENT
		}
		if text == "EOPNOTSUPP" {
			return "", unix.EOPNOTSUPP
		}
		return text, nil
	}
}

// The texts are those of Linux 6.12 and 6.18.
var unified = map[string]string{
	"cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnice_usec 0\ncore_sched.force_idle_usec 0\n" +
		"nr_periods 10\nnr_throttled 3\nthrottled_usec 250\nnr_bursts 2\nburst_usec 40\n",
	"cpu.pressure":          "some avg10=1.50 avg60=0.25 avg300=0.00 total=12345\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
	"memory.pressure":       "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
	"io.pressure":           "EOPNOTSUPP",
	"cpuset.cpus.effective": "0-1,4\n",
	"cpuset.mems.effective": "0\n",
	"memory.stat":           "anon 4096\nfile 8192\nkernel 1024\npgfault 33\n",
	"memory.current":        "20480\n",
	"memory.max":            "1048576\n",
	"memory.peak":           "40960\n",
	"memory.swap.current":   "100\n",
	"memory.swap.max":       "max\n",
	"memory.events":         "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\nsock_throttled 0\n",
	"pids.current":          "2\n",
	"pids.max":              "max\n",
	"io.stat": "8:0 rbytes=4096 wbytes=512 rios=3 wios=1 dbytes=1024 dios=2\n" +
		"254:16 rbytes=1 wbytes=0 rios=1 wios=0 dbytes=0 dios=0 cost.usage=7\n253:0 \n",
	"hugetlb.2MB.current": "2097152\n",
	"hugetlb.2MB.events":  "max 9\n",
	"rdma.current":        "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=0 hca_object=0\n",
}

func everything(f Files, controllers ...string) map[string]Files {
	m := map[string]Files{}
	for _, c := range controllers {
		m[c] = f
	}
	return m
}

func TestReadV2(t *testing.T) {
	f := files(unified)
	got, err := Read(Sources{
		Unified: f, V2: everything(f, "cpu", "cpuset", "memory", "pids", "io", "hugetlb", "rdma"), PageSizes: []string{"2MB", "1GB"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &Stats{
		CPU: CPU{
			Usage:      CPUUsage{Total: 1500000, User: 1000000, Kernel: 500000},
			Throttling: Throttling{Periods: 10, ThrottledPeriods: 3, ThrottledTime: 250000},
			Burst:      &Burst{Periods: 2, Time: 40000},
			PSI:        &PSI{Some: PSIData{Avg10: 1.5, Avg60: 0.25, Total: 12345}, Full: PSIData{Total: 7}},
		},
		Cpuset: Cpuset{CPUs: []uint16{0, 1, 4}, Mems: []uint16{0}},
		Memory: Memory{
			Cache:  8192,
			Usage:  MemoryEntry{Usage: 20480, Limit: 1048576, Max: 40960, Failcnt: 3},
			Swap:   MemoryEntry{Usage: 20580, Limit: Unlimited},
			Raw:    map[string]uint64{"anon": 4096, "file": 8192, "kernel": 1024, "pgfault": 33},
			PSI:    &PSI{},
			Events: MemoryEvents{Low: 1, High: 2, Max: 3, OOM: 4, OOMKill: 5, OOMGroupKill: 6},
		},
		Pids: Pids{Current: 2},
		IO: IO{
			ServiceBytes: []IOEntry{{8, 0, "Read", 4096}, {8, 0, "Write", 512}, {8, 0, "Discard", 1024}, {254, 16, "Read", 1}, {254, 16, "Write", 0}, {254, 16, "Discard", 0}},
			Serviced:     []IOEntry{{8, 0, "Read", 3}, {8, 0, "Write", 1}, {8, 0, "Discard", 2}, {254, 16, "Read", 1}, {254, 16, "Write", 0}, {254, 16, "Discard", 0}},
		},
		Hugetlb: map[string]Hugetlb{"2MB": {Usage: 2097152, Failcnt: 9}},
		Rdma:    []Rdma{{"mlx4_0", 2, 2000}, {"ocrdma1", 0, 0}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestReadV1(t *testing.T) {
	v1 := files(map[string]string{
		"cpu.stat":                        "nr_periods 4\nnr_throttled 1\nthrottled_time 5000\nnr_bursts 0\nburst_time 0\n",
		"cpuacct.usage":                   "987654321\n",
		"cpuacct.usage_user":              "900000000\n",
		"cpuacct.usage_sys":               "87654321\n",
		"cpuacct.usage_percpu":            "500000000 487654321 \n",
		"cpuacct.usage_percpu_user":       "450000000 450000000 \n",
		"cpuacct.usage_percpu_sys":        "50000000 37654321 \n",
		"cpuset.cpus":                     "0-1\n",
		"cpuset.mems":                     "0\n",
		"cpuset.sched_load_balance":       "1\n",
		"cpuset.sched_relax_domain_level": "-1\n",
		"memory.stat":                     "cache 9687040\nrss 11800576\nhierarchical_memory_limit 9223372036854771712\n",
		"memory.usage_in_bytes":           "11000\n",
		"memory.limit_in_bytes":           "9223372036854771712\n",
		"memory.max_usage_in_bytes":       "12000\n",
		"memory.failcnt":                  "7\n",
		"memory.kmem.usage_in_bytes":      "300\n",
		"memory.kmem.limit_in_bytes":      "EOPNOTSUPP",
		"memory.oom_control":              "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
		"pids.current":                    "3\n",
		"pids.max":                        "64\n",
		// BFQ has nothing to say of a device with another scheduler.
		"blkio.bfq.io_serviced_recursive":           "Total 0\n",
		"blkio.throttle.io_service_bytes_recursive": "254:0 Read 4096\n254:0 Write 0\n254:0 Sync 4096\n254:0 Async 0\n254:0 Discard 0\n254:0 Total 4096\nTotal 4096\n",
		"blkio.throttle.io_serviced_recursive":      "254:0 Read 1\nTotal 1\n",
		"hugetlb.2MB.usage_in_bytes":                "0\n",
		"hugetlb.2MB.max_usage_in_bytes":            "4194304\n",
		"hugetlb.2MB.failcnt":                       "1\n",
		"hugetlb.2MB.rsvd.usage_in_bytes":           "0\n",
		"blkio.bfq.io_service_bytes_recursive":      "Total 0\n",
		"cpuset.cpu_exclusive":                      "0\n",
		"memory.memsw.usage_in_bytes":               "11500\n",
		"memory.memsw.limit_in_bytes":               "9223372036854771712\n",
		"memory.memsw.max_usage_in_bytes":           "12500\n",
		"memory.memsw.failcnt":                      "0\n",
	})
	got, err := Read(Sources{
		Unified: files(unified), V1: everything(v1, "cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "hugetlb"),
		PageSizes: []string{"2MB"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &Stats{
		CPU: CPU{
			Usage: CPUUsage{
				Total: 987654321, User: 1000000, Kernel: 500000, Percpu: []uint64{500000000, 487654321},
				PercpuUser: []uint64{450000000, 450000000}, PercpuKernel: []uint64{50000000, 37654321},
			},
			Throttling: Throttling{Periods: 4, ThrottledPeriods: 1, ThrottledTime: 5000},
			Burst:      &Burst{},
			PSI:        &PSI{Some: PSIData{Avg10: 1.5, Avg60: 0.25, Total: 12345}, Full: PSIData{Total: 7}},
		},
		Cpuset: Cpuset{CPUs: []uint16{0, 1}, Mems: []uint16{0}, SchedLoadBalance: 1, SchedRelaxDomainLevel: -1},
		Memory: Memory{
			Cache:  9687040,
			Usage:  MemoryEntry{Usage: 11000, Limit: 9223372036854771712, Max: 12000, Failcnt: 7},
			Swap:   MemoryEntry{Usage: 11500, Limit: 9223372036854771712, Max: 12500},
			Kernel: MemoryEntry{Usage: 300},
			Raw:    map[string]uint64{"cache": 9687040, "rss": 11800576, "hierarchical_memory_limit": 9223372036854771712},
			PSI:    &PSI{},
			Events: MemoryEvents{OOMKill: 2},
		},
		Pids: Pids{Current: 3, Limit: 64},
		IO: IO{
			ServiceBytes: []IOEntry{{254, 0, "Read", 4096}, {254, 0, "Write", 0}, {254, 0, "Sync", 4096}, {254, 0, "Async", 0}, {254, 0, "Discard", 0}, {254, 0, "Total", 4096}},
			Serviced:     []IOEntry{{254, 0, "Read", 1}},
		},
		Hugetlb: map[string]Hugetlb{"2MB": {Max: 4194304, Failcnt: 1}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A file in another form is an error that names it, not a zero.
func TestReadRefusesWhatTheKernelDoesNotPrint(t *testing.T) {
	for name, text := range map[string]string{
		"cpu.stat": "usage_usec many\n", "cpu.pressure": "nothing\n", "memory.current": "", "memory.stat": "anon\n",
		"io.stat": "8-0 rbytes=1\n", "rdma.current": "mlx hca_handle=x\n", "cpuset.cpus.effective": "3-1\n", "pids.max": "none\n",
	} {
		f := files(map[string]string{name: text})
		_, err := Read(Sources{Unified: f, V2: everything(f, "cpuset", "memory", "pids", "io", "rdma")})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s %q: error %v", name, text, err)
		}
	}
}

func TestParseList(t *testing.T) {
	for text, want := range map[string][]uint16{"0\n": {0}, "0-2,7\n": {0, 1, 2, 7}, "\n": nil} {
		got, ok := parseList(text)
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"a", "1-", "-1", "2-1", "0-65535,0-65535", "70000", "1,,2"} {
		if got, ok := parseList(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// The limits of memory and swap are added without wrapping around.
func TestSum(t *testing.T) {
	for _, row := range []struct{ a, b, want uint64 }{{1, 2, 3}, {Unlimited, 1, Unlimited}, {1, Unlimited, Unlimited}, {Unlimited - 1, 5, Unlimited}} {
		if got := sum(row.a, row.b); got != row.want {
			t.Errorf("%d + %d = %d, want %d", row.a, row.b, got, row.want)
		}
	}
}

// Whatever the text, the parsers end, and what they accept can be written as JSON.
func FuzzRead(f *testing.F) {
	for _, text := range unified {
		f.Add(text)
	}
	f.Add("some avg10=Inf avg60=NaN avg300=0x1p-2 total=0\n")
	f.Fuzz(func(t *testing.T, text string) {
		same := func(string) (string, error) { return text, nil }
		for _, controller := range []string{"cpu", "cpuacct", "cpuset", "memory", "pids", "io", "blkio", "hugetlb", "rdma"} {
			one := map[string]Files{controller: same}
			for _, s := range []Sources{{Unified: same, V2: one, PageSizes: []string{"2MB"}}, {V1: one, PageSizes: []string{"2MB"}}} {
				st, _ := Read(s)
				if _, err := json.Marshal(st); err != nil {
					t.Errorf("%s %q: %v", controller, text, err)
				}
			}
		}
		ParseMemoryEvents(text)
		if psi, ok := parsePressure(text); ok {
			if _, err := json.Marshal(psi); err != nil {
				t.Errorf("%q: %v", text, err)
			}
		}
		parseIOEntries(text)
		parseIOStat(text, &IO{})
	})
}

// Without a unified hierarchy the division of CPU time is cgroup v1's.
func TestReadV1Alone(t *testing.T) {
	v1 := files(map[string]string{"cpuacct.usage": "30\n", "cpuacct.usage_user": "20\n", "cpuacct.usage_sys": "10\n"})
	st, err := Read(Sources{V1: everything(v1, "cpuacct")})
	if want := (CPUUsage{Total: 30, User: 20, Kernel: 10}); err != nil || !reflect.DeepEqual(st.CPU.Usage, want) {
		t.Errorf("got %+v, %v", st.CPU.Usage, err)
	}
}
