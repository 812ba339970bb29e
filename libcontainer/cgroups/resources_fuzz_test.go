package cgroups_test

import (
	"strings"
	"testing"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
	"github.com/tare-run/tare/libcontainer/cgroups/v1"
	"github.com/tare-run/tare/libcontainer/cgroups/v2"
	"github.com/tare-run/tare/libcontainer/spec"
)

// FuzzResources: whatever resources say, both dialects refuse it or write to files of one cgroup, and tell where it came
// from (J15 to J35).
func FuzzResources(f *testing.F) {
	for _, text := range []string{
		`{"memory":{"limit":-9223372036854775808,"swap":9223372036854775807}}`,
		`{"memory":{"limit":100,"swap":50,"swappiness":101}}`,
		`{"cpu":{"shares":1,"quota":-5,"period":1,"burst":2,"idle":7,"cpus":"0-","mems":"\n"}}`,
		`{"blockIO":{"weight":9,"weightDevice":[{"major":-1,"minor":8,"weight":500}],"throttleReadBpsDevice":[{"major":8,"minor":0,"rate":0}]}}`,
		`{"hugepageLimits":[{"pageSize":"../2MB","limit":1},{"pageSize":"2MB","limit":18446744073709551615}]}`,
		`{"rdma":{"mlx5_1":{"hcaHandles":3},"a/b":{}},"network":{"classID":1,"priorities":[{"name":"lo","priority":2}]},"pids":{"limit":0}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, _, err := spec.LoadResources(text, "resources")
		if err != nil || len(spec.ValidateResources(r)) > 0 {
			return
		}
		for _, controller := range limit.Controllers() {
			old, errV1 := v1.Writes(controller, r)
			unified, errV2 := v2.Writes(controller, r)
			if errV1 != nil && len(old) > 0 || errV2 != nil && len(unified) > 0 {
				t.Errorf("%s: refused (%v, %v) and written all the same", controller, errV1, errV2)
			}
			for _, w := range append(old, unified...) {
				for w := &w; w != nil; w = w.Else {
					if w.File == "" || strings.ContainsAny(w.File, "/\x00") || strings.HasPrefix(w.File, ".") {
						t.Errorf("writes to %q", w.File)
					}
					if w.Value == "" && w.Complete == nil || !strings.HasPrefix(w.Pointer, "/linux/resources/") {
						t.Errorf("%s: value %q for %q", w.File, w.Value, w.Pointer)
					}
				}
			}
		}
	})
}
