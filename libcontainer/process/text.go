package process

import (
	"math"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

func utoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func limitText(n uint64) string {
	if n == math.MaxUint64 {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

// LowOOMScoreHint is for a score that the kernel refuses.
const LowOOMScoreHint = "a lower score than the runtime's own needs CAP_SYS_RESOURCE"

// OOMScoreAdjText is what is written to /proc/self/oom_score_adj (proc_pid_oom_score_adj(5)).
func OOMScoreAdjText(adj int) ([]byte, error) {
	if adj < -1000 || adj > 1000 {
		return nil, &fault.Error{Op: "oom_score_adj", Path: strconv.Itoa(adj), Err: unix.ERANGE, Hint: "accepted are -1000 to 1000"}
	}
	return strconv.AppendInt(nil, int64(adj), 10), nil
}
