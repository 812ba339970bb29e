package v1

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

func cpu(c *specs.LinuxCPU) []limit.Write {
	if c == nil {
		return nil
	}
	return append(append(shares(c), bandwidth(c)...), realtime(c)...)
}

// shares sets cpu.shares and cpu.idle in the order that package v2 explains.
func shares(c *specs.LinuxCPU) []limit.Write {
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
			File: "cpu.shares", Value: strconv.FormatUint(shares, 10),
			Pointer: limit.Ptr("cpu", "shares"), Hint: "cpu.idle must be 0", Attempt: becomesIdle,
		})
	}
	if becomesIdle {
		writes = append(writes, idle)
	}
	return writes
}

// bandwidth sets quota, period and burst. Each of the three bounds the others: the burst may not be above the quota, and
// quota over period not above the parent's. So burst and period are tried first and set again after the quota.
func bandwidth(c *specs.LinuxCPU) []limit.Write {
	const hint = "accepted: a period of 1000 to 1000000 microseconds, a quota of 1000 or more, or -1, within the parent's"
	var around []limit.Write
	if c.Burst != nil {
		around = append(around, limit.Write{
			File: "cpu.cfs_burst_us", Value: strconv.FormatUint(*c.Burst, 10),
			Pointer: limit.Ptr("cpu", "burst"), Hint: "accepted 0 to the quota, with Linux 5.14 or later",
		})
	}
	if period := limit.Value(c.Period); period != 0 {
		around = append(around, limit.Write{
			File: "cpu.cfs_period_us", Value: strconv.FormatUint(period, 10), Pointer: limit.Ptr("cpu", "period"), Hint: hint,
		})
	}
	quota := limit.Value(c.Quota)
	if quota == 0 {
		return around
	}
	w := limit.Write{
		File: "cpu.cfs_quota_us", Value: strconv.FormatInt(max(quota, limit.Unlimited), 10),
		Pointer: limit.Ptr("cpu", "quota"), Hint: hint,
	}
	if c.Burst != nil {
		w.Hint += ", not below the burst"
	}
	return sandwich(around, w)
}

func realtime(c *specs.LinuxCPU) []limit.Write {
	const hint = "accepted: a runtime below the period, both within the parent's"
	var period []limit.Write
	if us := limit.Value(c.RealtimePeriod); us != 0 {
		period = append(period, limit.Write{
			File: "cpu.rt_period_us", Value: strconv.FormatUint(us, 10), Pointer: limit.Ptr("cpu", "realtimePeriod"), Hint: hint,
		})
	}
	us := limit.Value(c.RealtimeRuntime)
	if us == 0 {
		return period
	}
	return sandwich(period, limit.Write{
		File: "cpu.rt_runtime_us", Value: strconv.FormatInt(us, 10), Pointer: limit.Ptr("cpu", "realtimeRuntime"), Hint: hint,
	})
}

// sandwich attempts writes whose validity depends on another one before it, and repeats them after it.
func sandwich(around []limit.Write, between limit.Write) []limit.Write {
	var writes []limit.Write
	for _, w := range around {
		w.Attempt = true
		writes = append(writes, w)
	}
	return append(append(writes, between), around...)
}
