package v2

import (
	"math"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

func cpu(c *specs.LinuxCPU) ([]limit.Write, error) {
	if c == nil {
		return nil, nil
	}
	if limit.Value(c.RealtimeRuntime) != 0 {
		return nil, limit.Inconvertible("cgroup v2 has no realtime scheduling limit", "cpu", "realtimeRuntime")
	}
	if limit.Value(c.RealtimePeriod) != 0 {
		return nil, limit.Inconvertible("cgroup v2 has no realtime scheduling limit", "cpu", "realtimePeriod")
	}
	return append(weight(c), bandwidth(c)...), nil
}

// weight sets cpu.weight and cpu.idle. The kernel refuses a weight while idle is 1, so leaving idle comes first, and
// becoming idle, which overrides the weight, comes last.
func weight(c *specs.LinuxCPU) []limit.Write {
	var writes []limit.Write
	idle := limit.Write{File: "cpu.idle", Pointer: limit.Ptr("cpu", "idle"), Hint: "accepted 0 and 1, with Linux 5.15 or later"}
	becomesIdle := false
	if c.Idle != nil {
		idle.Value = strconv.FormatInt(*c.Idle, 10)
		becomesIdle = *c.Idle != 0
		if !becomesIdle {
			writes = append(writes, idle)
		}
	}
	if shares := limit.Value(c.Shares); shares != 0 {
		writes = append(writes, limit.Write{
			File: "cpu.weight", Value: strconv.FormatUint(Weight(shares), 10),
			Pointer: limit.Ptr("cpu", "shares"), Hint: "cpu.idle must be 0", Attempt: becomesIdle,
		})
	}
	if becomesIdle {
		writes = append(writes, idle)
	}
	return writes
}

// Weight converts cpu.shares of cgroup v1 (2 to 262144, default 1024) to cpu.weight of v2 (1 to 10000, default 100).
// The curve goes through both ends and the defaults; it is the one that runc, crun and systemd-based tools agree on since
// 2025, and maps 2, 1024 and 262144 to 1, 100 and 10000.
func Weight(shares uint64) uint64 {
	switch {
	case shares == 0:
		return 0
	case shares <= 2:
		return 1
	case shares >= 262144:
		return 10000
	}
	l := math.Log2(float64(shares))
	exponent := (l*l+125*l)/612 - 7.0/34
	return uint64(math.Ceil(math.Pow(10, exponent)))
}

// bandwidth sets cpu.max and cpu.max.burst. The burst may not be above the quota; it is tried first, which works when
// the quota shrinks to less than the old burst, and set again last, which works when both grow.
func bandwidth(c *specs.LinuxCPU) []limit.Write {
	var writes []limit.Write
	quota, period := limit.Value(c.Quota), limit.Value(c.Period)
	limited := quota != 0 || period != 0
	burst := limit.Write{
		File: "cpu.max.burst", Value: strconv.FormatUint(limit.Value(c.Burst), 10), Attempt: limited,
		Pointer: limit.Ptr("cpu", "burst"), Hint: "accepted 0 to the quota, with Linux 5.14 or later",
	}
	if c.Burst != nil && limited {
		writes = append(writes, burst)
	}
	if limited {
		w := cpuMax(quota, period)
		if c.Burst != nil {
			w.Hint += ", and a quota not below the burst"
		}
		writes = append(writes, w)
	}
	if c.Burst != nil {
		burst.Attempt = false
		writes = append(writes, burst)
	}
	return writes
}

// cpuMax sets "QUOTA PERIOD". A quota alone leaves the period alone; a period alone needs the old quota repeated.
func cpuMax(quota int64, period uint64) limit.Write {
	w := limit.Write{
		File: "cpu.max", Pointer: limit.Ptr("cpu", "quota"),
		Hint: "accepted: a quota of 1000 or more microseconds, or -1, and a period of 1000 to 1000000",
	}
	periodText := strconv.FormatUint(period, 10)
	switch {
	case quota == 0:
		w.Pointer = limit.Ptr("cpu", "period")
		w.Complete = func(current string) string {
			old, _, _ := strings.Cut(current, " ")
			return old + " " + periodText
		}
	case period == 0:
		w.Value = limit.Max(max(quota, limit.Unlimited))
	default:
		w.Value = limit.Max(max(quota, limit.Unlimited)) + " " + periodText
	}
	return w
}
