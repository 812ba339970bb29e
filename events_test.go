package main

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tare-run/tare/libcontainer"
	"github.com/tare-run/tare/libcontainer/cgroups/stats"
	"github.com/tare-run/tare/libcontainer/resctrl"
)

// someStatistics has a number in every place that a reader looks at.
func someStatistics() *libcontainer.Statistics {
	psi := func() *stats.PSI {
		return &stats.PSI{Some: stats.PSIData{Avg10: 12.5, Avg60: 1, Total: 1500000}, Full: stats.PSIData{Avg300: 0.25, Total: 20}}
	}
	return &libcontainer.Statistics{
		Stats: &stats.Stats{
			CPU: stats.CPU{
				Usage:      stats.CPUUsage{Total: 1500000000, User: 1000000000, Kernel: 500000000, Percpu: []uint64{1, 2}},
				Throttling: stats.Throttling{Periods: 9, ThrottledPeriods: 2, ThrottledTime: 7000000},
				Burst:      &stats.Burst{Periods: 1, Time: 5000},
				PSI:        psi(),
			},
			Cpuset: stats.Cpuset{CPUs: []uint16{0, 1}, Mems: []uint16{0}},
			Memory: stats.Memory{
				Cache: 4096, Usage: stats.MemoryEntry{Limit: 1 << 20, Usage: 8192, Max: 16384, Failcnt: 3},
				Swap:   stats.MemoryEntry{Limit: stats.Unlimited, Usage: 8192},
				Raw:    map[string]uint64{"anon": 4096, "file": 4096},
				Events: stats.MemoryEvents{High: 4, OOMKill: 1}, PSI: psi(),
			},
			Pids: stats.Pids{Current: 3},
			IO: stats.IO{
				ServiceBytes: []stats.IOEntry{{Major: 8, Minor: 0, Op: "Read", Value: 4096}, {Major: 8, Op: "Total", Value: 4096}},
				Serviced:     []stats.IOEntry{{Major: 8, Minor: 0, Op: "Read", Value: 1}}, PSI: psi(),
			},
			Hugetlb: map[string]stats.Hugetlb{"2MB": {Usage: 2097152, Failcnt: 1}},
			Rdma:    []stats.Rdma{{Device: "mlx4_0", Handles: 2, Objects: 2000}},
		},
		IntelRdt:          &resctrl.Stats{CMT: []resctrl.CMT{{LLCOccupancy: 4096}}, MBM: []resctrl.MBM{{TotalBytes: 9, LocalBytes: 5}}},
		NetworkInterfaces: []libcontainer.NetworkInterface{{Name: `e"th\0`, RxBytes: 10, TxBytes: 20, RxPackets: 1, TxPackets: 2}},
	}
}

// goRunc is what github.com/containerd/go-runc decodes an event into: its members, and no others.
type goRunc struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Data *struct {
		CPU struct {
			Usage struct {
				Total  uint64   `json:"total,omitempty"`
				Percpu []uint64 `json:"percpu,omitempty"`
				Kernel uint64   `json:"kernel"`
				User   uint64   `json:"user"`
			} `json:"usage"`
			Throttling struct {
				Periods          uint64 `json:"periods,omitempty"`
				ThrottledPeriods uint64 `json:"throttledPeriods,omitempty"`
				ThrottledTime    uint64 `json:"throttledTime,omitempty"`
			} `json:"throttling"`
		} `json:"cpu"`
		Memory struct {
			Cache uint64 `json:"cache,omitempty"`
			Usage struct {
				Limit   uint64 `json:"limit"`
				Usage   uint64 `json:"usage,omitempty"`
				Max     uint64 `json:"max,omitempty"`
				Failcnt uint64 `json:"failcnt"`
			} `json:"usage"`
			Raw map[string]uint64 `json:"raw,omitempty"`
		} `json:"memory"`
		Pids struct {
			Current uint64 `json:"current,omitempty"`
			Limit   uint64 `json:"limit,omitempty"`
		} `json:"pids"`
		Blkio struct {
			IoServiceBytesRecursive []struct {
				Major uint64 `json:"major,omitempty"`
				Minor uint64 `json:"minor,omitempty"`
				Op    string `json:"op,omitempty"`
				Value uint64 `json:"value,omitempty"`
			} `json:"ioServiceBytesRecursive,omitempty"`
		} `json:"blkio"`
		Hugetlb map[string]struct {
			Usage   uint64 `json:"usage,omitempty"`
			Failcnt uint64 `json:"failcnt"`
		} `json:"hugetlb"`
	} `json:"data,omitempty"`
}

// A6, L1, L2: the command lines of go-runc, and one line for each event.
func TestEvents(t *testing.T) {
	r := &recorder{statistics: someStatistics()}
	got := invoke(r, "events", "--stats", "web1")
	if got.status != 0 || r.call != "statistics" || r.id != "web1" || strings.Count(got.stdout, "\n") != 1 {
		t.Fatalf("%+v, called %s of %s", got, r.call, r.id)
	}
	var e goRunc
	if err := json.Unmarshal([]byte(got.stdout), &e); err != nil {
		t.Fatal(err)
	}
	d := e.Data
	if e.Type != "stats" || e.ID != "web1" || d.CPU.Usage.Total != 1500000000 || d.CPU.Usage.Percpu[1] != 2 ||
		d.CPU.Throttling.ThrottledTime != 7000000 || d.Memory.Usage.Limit != 1<<20 || d.Memory.Raw["anon"] != 4096 || d.Pids.Current != 3 ||
		d.Blkio.IoServiceBytesRecursive[0].Op != "Read" || d.Hugetlb["2MB"].Usage != 2097152 {
		t.Errorf("decoded %+v", e)
	}
	var members struct{ Data map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(got.stdout), &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"} {
		if _, ok := members.Data[name]; !ok {
			t.Errorf("data lacks %q", name)
		}
	}

	for _, args := range [][]string{{"events", "--interval=2s", "web1"}, {"events", "web1", "--interval", "2s"}} {
		r = &recorder{events: []libcontainer.Event{{Type: libcontainer.EventOOM, ID: "web1"}}}
		got = invoke(r, args...)
		if got.status != 0 || r.options != 2*time.Second || got.stdout != `{"type":"oom","id":"web1"}`+"\n" {
			t.Errorf("%v: %+v, interval %v", args, got, r.options)
		}
	}
	r = &recorder{}
	if invoke(r, "events", "web1"); r.options != 5*time.Second {
		t.Errorf("the interval is %v", r.options)
	}
	for _, args := range [][]string{
		{"events"}, {"events", "a", "b"}, {"events", "--interval", "0s", "a"}, {"events", "--interval=-1s", "a"},
		{"events", "a", "--format", "xml"}, {"events", "a", "--nosuch"}, {"events", "a", "--interval"}, {"events", "a", "--stats=maybe"},
		{"events", "a", "--root", "/x"}, // a global option is none of the verb's
	} {
		if got := invoke(&recorder{}, args...); got.status != 1 || !strings.HasPrefix(got.stderr, "time=") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

// Events goes on until the output cannot be written.
func TestEventsEndWithTheirReader(t *testing.T) {
	p := newProgram("tare", brokenWriter{}, nil)
	for _, format := range []string{"json", "openmetrics"} {
		emit, err := p.eventWriter(format)
		if err != nil {
			t.Fatal(err)
		}
		if err := emit(&libcontainer.Event{Type: libcontainer.EventStats, Data: someStatistics()}); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

var errBroken = errors.New("broken")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// L7: the text is OpenMetrics, and says the same as the numbers, in base units.
func TestOpenMetrics(t *testing.T) {
	got := invoke(&recorder{statistics: someStatistics()}, "events", "--stats", "--format=openmetrics", `web"1`)
	if got.status != 0 {
		t.Fatalf("%+v", got)
	}
	families, err := parseOpenMetrics(got.stdout)
	if err != nil {
		t.Fatalf("%v in\n%s", err, got.stdout)
	}
	for sample, want := range map[string]string{
		`tare_container_cpu_usage_seconds_total{id="web\"1"}`:                                       "1.5",
		`tare_container_memory_limit_bytes{id="web\"1",kind="memory_and_swap"}`:                     "+Inf",
		`tare_container_memory_events_total{id="web\"1",event="high"}`:                              "4",
		`tare_container_pressure_stalled_seconds_total{id="web\"1",resource="io",share="some"}`:     "1.5",
		`tare_container_pressure_ratio{id="web\"1",resource="cpu",share="some",window="10s"}`:       "0.125",
		`tare_container_memory_traffic_bytes_total{id="web\"1",cache="0",scope="local"}`:            "5",
		`tare_container_processes_limit{id="web\"1"}`:                                               "+Inf",
		`tare_container_network_bytes_total{id="web\"1",interface="e\"th\\0",direction="transmit"}`: "20",
		`tare_container_io_bytes_total{id="web\"1",device="8:0",operation="Read"}`:                  "4096",
		`tare_container_hugetlb_usage_bytes{id="web\"1",pagesize="2MB"}`:                            "2097152",
	} {
		found := false
		for _, f := range families {
			if value, ok := f.samples[sample]; ok {
				found = true
				if value != want {
					t.Errorf("%s is %s, want %s", sample, value, want)
				}
			}
		}
		if !found {
			t.Errorf("no sample %s", sample)
		}
	}
	if f := families["tare_container_memory_events"]; f.kind != "counter" || f.unit != "" {
		t.Errorf("%+v", f)
	}
}

// The parser that the text is tested with refuses what the specification forbids.
func TestParseOpenMetricsIsStrict(t *testing.T) {
	const good = "# TYPE a_seconds counter\n# UNIT a_seconds seconds\n# HELP a_seconds x\na_seconds_total{id=\"1\"} 2\n# EOF\n"
	if _, err := parseOpenMetrics(good); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no end":                    strings.TrimSuffix(good, "# EOF\n"),
		"text after the end":        good + "x 1\n",
		"counter without _total":    strings.Replace(good, "_total", "", 1),
		"unit that is no suffix":    strings.ReplaceAll(good, "# UNIT a_seconds seconds", "# UNIT a_seconds bytes"),
		"family twice":              strings.Replace(good, "# EOF", "# TYPE b gauge\nb 1\n# TYPE a_seconds counter\n# EOF", 1),
		"sample twice":              strings.Replace(good, "# EOF", "a_seconds_total{id=\"1\"} 3\n# EOF", 1),
		"sample of another family":  strings.Replace(good, "# EOF", "b 3\n# EOF", 1),
		"quote in a label":          strings.Replace(good, `"1"`, `"1"2"`, 1),
		"number that is none":       strings.Replace(good, " 2\n", " two\n", 1),
		"negative counter":          strings.Replace(good, " 2\n", " -2\n", 1),
		"type that does not exist":  strings.Replace(good, "counter", "meter", 1),
		"empty line":                strings.Replace(good, "# EOF", "\n# EOF", 1),
		"name that begins with a 1": strings.ReplaceAll(good, "a_seconds", "1_seconds"),
	} {
		if families, err := parseOpenMetrics(text); err == nil {
			t.Errorf("%s: accepted as %v", name, families)
		}
	}
}

// The shape does not change by accident: runc's names are exported, and the embedded struct is not a member of its own.
func TestStatisticsAreFlat(t *testing.T) {
	text, err := json.Marshal(&libcontainer.Statistics{Stats: &stats.Stats{}, NetworkInterfaces: []libcontainer.NetworkInterface{{}}})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"Name": "", "RxBytes": 0., "RxPackets": 0., "RxErrors": 0., "RxDropped": 0., "TxBytes": 0., "TxPackets": 0., "TxErrors": 0., "TxDropped": 0.}
	if list := got["network_interfaces"].([]any); !reflect.DeepEqual(list[0], want) {
		t.Errorf("%v", list[0])
	}
	if _, ok := got["Stats"]; ok {
		t.Error("the statistics of the cgroup are a member of their own")
	}
}
