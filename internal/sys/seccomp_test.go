package sys

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A filter of a length that no filter has must not reach the kernel: its length field has 16 bits.
func TestSeccompLoadChecksLength(t *testing.T) {
	for _, size := range []int{0, 7, 9, (unix.BPF_MAXINSNS + 1) * sockFilterSize, 1<<16*sockFilterSize + sockFilterSize} {
		if err := SeccompLoad(make([]byte, size), 0); err != unix.EINVAL {
			t.Errorf("%d bytes: %v, want EINVAL", size, err)
		}
	}
}

func TestHaveSeccompFlags(t *testing.T) {
	if !HaveSeccompFlags(unix.SECCOMP_FILTER_FLAG_LOG) { // Linux 4.14
		t.Error("SECCOMP_FILTER_FLAG_LOG is not known")
	}
	if HaveSeccompFlags(1 << 31) {
		t.Error("a flag that does not exist is known")
	}
	if HaveSeccompFlags(unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) {
		t.Error("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is accepted without a listener")
	}
}
