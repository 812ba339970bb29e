package resctrl

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// Stats is what the groups of a container say, in the shape that runc prints.
type Stats struct {
	L3CacheInfo       *L3CacheInfo `json:"l3_cache_info,omitempty"`
	L3CacheSchemaRoot string       `json:"l3_cache_schema_root,omitempty"`
	L3CacheSchema     string       `json:"l3_cache_schema,omitempty"`
	MemBwInfo         *MemBwInfo   `json:"mem_bw_info,omitempty"`
	MemBwSchemaRoot   string       `json:"mem_bw_schema_root,omitempty"`
	MemBwSchema       string       `json:"mem_bw_schema,omitempty"`
	MBM               []MBM        `json:"mbm_stats,omitempty"` // one for each L3 cache
	CMT               []CMT        `json:"cmt_stats,omitempty"`
}

// L3CacheInfo says what can be given away of the cache.
type L3CacheInfo struct {
	CbmMask    string `json:"cbm_mask,omitempty"`
	MinCbmBits uint64 `json:"min_cbm_bits,omitempty"`
	NumClosids uint64 `json:"num_closids,omitempty"`
}

// MemBwInfo says the same of memory bandwidth.
type MemBwInfo struct {
	BandwidthGran uint64 `json:"bandwidth_gran,omitempty"`
	DelayLinear   uint64 `json:"delay_linear,omitempty"`
	MinBandwidth  uint64 `json:"min_bandwidth,omitempty"`
	NumClosids    uint64 `json:"num_closids,omitempty"`
}

// MBM is memory traffic.
type MBM struct {
	TotalBytes uint64 `json:"mbm_total_bytes"`
	LocalBytes uint64 `json:"mbm_local_bytes"`
}

// CMT is cache in use.
type CMT struct {
	LLCOccupancy uint64 `json:"llc_occupancy"`
}

// Stats reads them. What the processor does not have is left out.
func (g *Group) Stats() (*Stats, error) {
	root := &Group{Root: g.Root}
	ofRoot, err := root.read("schemata")
	if err != nil {
		return nil, err
	}
	own, err := g.read("schemata")
	if err != nil {
		return nil, err
	}
	s := &Stats{}
	if info := g.Root + "/info/L3"; isDirectory(info) {
		s.L3CacheInfo = &L3CacheInfo{CbmMask: word(info + "/cbm_mask"), MinCbmBits: count(info + "/min_cbm_bits"), NumClosids: count(info + "/num_closids")}
		s.L3CacheSchemaRoot, s.L3CacheSchema = linesOf(ofRoot, "L3"), linesOf(own, "L3")
	}
	if info := g.Root + "/info/MB"; isDirectory(info) {
		s.MemBwInfo = &MemBwInfo{
			BandwidthGran: count(info + "/bandwidth_gran"), DelayLinear: count(info + "/delay_linear"),
			MinBandwidth: count(info + "/min_bandwidth"), NumClosids: count(info + "/num_closids"),
		}
		s.MemBwSchemaRoot, s.MemBwSchema = linesOf(ofRoot, "MB"), linesOf(own, "MB")
	}
	return s, g.monitored(s)
}

// monitored reads the counters of the monitoring group of the container, or else those of its class.
func (g *Group) monitored(s *Stats) error {
	dir := g.path() + "/mon_data"
	if g.Monitor != "" {
		dir = g.monitorPath() + "/mon_data"
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return &fault.Error{Op: "list", Path: dir, Err: errnoOf(err)}
	}
	features := strings.Fields(word(g.Root + "/info/L3_MON/mon_features"))
	for _, entry := range entries { // sorted by name, "mon_L3_00"
		cache := dir + "/" + entry.Name()
		if !strings.HasPrefix(entry.Name(), "mon_L3_") {
			continue
		}
		if slices.Contains(features, "mbm_total_bytes") || slices.Contains(features, "mbm_local_bytes") {
			s.MBM = append(s.MBM, MBM{TotalBytes: count(cache + "/mbm_total_bytes"), LocalBytes: count(cache + "/mbm_local_bytes")})
		}
		if slices.Contains(features, "llc_occupancy") {
			s.CMT = append(s.CMT, CMT{LLCOccupancy: count(cache + "/llc_occupancy")})
		}
	}
	return nil
}

func isDirectory(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// word is the content of a file; "" where it cannot be read.
func word(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// count is a number; 0 for "Unavailable" and "Error", which the hardware may answer.
func count(path string) uint64 {
	n, err := strconv.ParseUint(word(path), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
