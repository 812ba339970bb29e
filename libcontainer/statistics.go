package libcontainer

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/cgroups/stats"
	"github.com/tare-run/tare/libcontainer/resctrl"
	"github.com/tare-run/tare/libcontainer/state"
)

// Statistics is what a stats event tells of a container, in the shape that runc prints.
type Statistics struct {
	*stats.Stats
	IntelRdt          *resctrl.Stats     `json:"intel_rdt"` // never nil
	NetworkInterfaces []NetworkInterface `json:"network_interfaces"`
}

// NetworkInterface is one interface of the container's network namespace. The names are runc's, which has no others.
type NetworkInterface struct {
	Name      string
	RxBytes   uint64
	RxPackets uint64
	RxErrors  uint64
	RxDropped uint64
	TxBytes   uint64
	TxPackets uint64
	TxErrors  uint64
	TxDropped uint64
}

// Statistics reads the counters of a container that is created or running.
func (r *Runtime) Statistics(id string) (*Statistics, error) {
	f, err := r.follow(id)
	if err != nil {
		return nil, verb("events", id, err)
	}
	defer f.close()
	s, err := f.statistics()
	if isGone(err) && !alive(f.record.Init) {
		err = fault.ErrNotRunning // the cgroup is being removed
	}
	return s, verb("events", id, err)
}

// readStatistics reads everything there is to know about the container.
func readStatistics(m *cgroups.Manager, record *state.Record) (*Statistics, error) {
	counted, err := m.Stats()
	if err != nil {
		return nil, err
	}
	interfaces, err := networkInterfaces(record.Init)
	if err != nil {
		return nil, err
	}
	s := &Statistics{Stats: counted, NetworkInterfaces: interfaces, IntelRdt: &resctrl.Stats{}}
	if g := recordedResctrl(record); g != nil {
		s.IntelRdt, err = g.Stats()
	}
	return s, err
}

// networkInterfaces reads the interfaces that the init process sees. Those of a container in the runtime's own network
// namespace are the host's, and not counted for the container.
func networkInterfaces(init state.Process) ([]NetworkInterface, error) {
	none := []NetworkInterface{} // an array in any case; runc prints null
	dir := "/proc/" + strconv.Itoa(init.Pid) + "/"
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return nil, &fault.Error{Op: "readlink", Path: "/proc/self/ns/net", Err: errnoOf(err)}
	}
	theirs, err := os.Readlink(dir + "ns/net")
	if err != nil || theirs == own {
		return none, nil
	}
	text, err := os.ReadFile(dir + "net/dev")
	if err != nil || !alive(init) { // the second also says that the pid still was init's when the file was read
		return none, nil
	}
	interfaces, ok := parseNetDev(string(text))
	if !ok {
		return nil, &fault.Error{Op: "read", Path: dir + "net/dev", Err: fault.Text("not understood")}
	}
	return interfaces, nil
}

// parseNetDev reads /proc/PID/net/dev: two lines of head, then "  eth0: " and eight numbers received, eight transmitted
// (proc_pid_net(5)). The loopback interface is left out: what it carries has been nowhere.
func parseNetDev(text string) ([]NetworkInterface, bool) {
	interfaces := []NetworkInterface{}
	for i, line := range slices.Collect(strings.Lines(text)) {
		if i < 2 {
			continue
		}
		colon := strings.LastIndexByte(line, ':')
		if colon < 0 {
			return nil, false
		}
		var n [16]uint64
		fields := strings.Fields(line[colon+1:])
		if len(fields) < len(n) {
			return nil, false
		}
		for i := range n {
			var err error
			if n[i], err = strconv.ParseUint(fields[i], 10, 64); err != nil {
				return nil, false
			}
		}
		name := strings.TrimLeft(line[:colon], " ")
		if name == "lo" {
			continue
		}
		interfaces = append(interfaces, NetworkInterface{
			Name: name, RxBytes: n[0], RxPackets: n[1], RxErrors: n[2], RxDropped: n[3],
			TxBytes: n[8], TxPackets: n[9], TxErrors: n[10], TxDropped: n[11],
		})
	}
	return interfaces, true
}
