package cgroups

import "testing"

// JU9: what is written to take a write back, for each form that control files have.
func TestRestoring(t *testing.T) {
	const none = "\x00" // not known
	for _, test := range []struct{ file, written, before, want string }{
		{"memory.max", "100", "max", "max"},
		{"memory.limit_in_bytes", "100", "9223372036854771712", "9223372036854771712"},
		{"cpu.max", "5000 10000", "max 100000", "max 100000"},
		{"cpu.max", "5000", "max 100000", "max 100000"},
		{"cpuset.cpus", "0-1", "", "\n"},
		{"cpuset.cpus", "\n", "0", "0"},
		{"memory.oom_control", "1", "oom_kill_disable 0\nunder_oom 0\noom_kill 0", "0"},
		{"io.weight", "910", "default 100", "default 100"},
		{"io.weight", "910", "default 100\n8:16 200", "default 100"},
		{"io.weight", "8:16 300", "default 100\n8:16 200", "8:16 200"},
		{"io.weight", "8:32 300", "default 100\n8:16 200", "8:32 default"},
		{"io.bfq.weight", "500", "100", "100"},
		{"io.bfq.weight", "8:32 500", "default 100", "8:32 default"},
		{"io.max", "8:16 rbps=5", "8:0 rbps=1 wbps=max riops=max wiops=max\n8:16 rbps=2 wbps=max riops=max wiops=max",
			"8:16 rbps=2 wbps=max riops=max wiops=max"},
		{"io.max", "8:16 rbps=5", "", "8:16 rbps=max wbps=max riops=max wiops=max"},
		{"blkio.throttle.read_bps_device", "8:16 5", "8:0 7", "8:16 0"},
		{"blkio.throttle.read_bps_device", "8:16 5", "8:16 7", "8:16 7"},
		{"blkio.bfq.weight_device", "8:16 500", "", "8:16 0"},
		{"rdma.max", "mlx hca_handle=3", "other hca_handle=max hca_object=max\nmlx hca_handle=2 hca_object=max", "mlx hca_handle=2 hca_object=max"},
		{"misc.max", "sev 3", "sev max", "sev max"},
		{"net_prio.ifpriomap", "lo 5", "lo 0\neth0 1", "lo 0"},
		{"some.file", "a 5", "b 1\nc 2", none},
		{"some.file", "5", "b 1\nc 2", none},
	} {
		got, known := restoring(test.file, test.written, test.before)
		if !known {
			got = none
		}
		if got != test.want {
			t.Errorf("%s: %q over %q: got %q, want %q", test.file, test.written, test.before, got, test.want)
		}
	}
}
