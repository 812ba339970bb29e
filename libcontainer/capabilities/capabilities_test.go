package capabilities

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/libcontainer/step"
)

// onThread runs f on a thread that ends afterwards, so that what it did to its credentials ends too.
func onThread(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("changing capability sets needs root")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the goroutine's end is the thread's
		f()
	}()
	<-done
}

// status reads one Cap line of the calling thread.
func status(t *testing.T, field string) uint64 {
	t.Helper()
	data, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				t.Error(err)
			}
			return mask
		}
	}
	t.Errorf("no %s in status", field)
	return 0
}

func mask(t *testing.T, list ...string) uint64 {
	t.Helper()
	m, unknown := MaskFromNames(list)
	if len(unknown) > 0 {
		t.Errorf("unknown names %q", unknown)
	}
	return m
}

// E17, E19: names become bits; what is not a name is reported, not fatal.
func TestMaskFromNames(t *testing.T) {
	for _, tc := range []struct {
		name    string
		list    []string
		want    uint64
		unknown []string
	}{
		{name: "none"},
		{name: "first", list: []string{"CAP_CHOWN"}, want: 1},
		{name: "last", list: []string{"CAP_CHECKPOINT_RESTORE"}, want: 1 << unix.CAP_CHECKPOINT_RESTORE},
		{name: "twice", list: []string{"CAP_KILL", "CAP_KILL"}, want: 1 << unix.CAP_KILL},
		{name: "unknown kept apart", list: []string{"CAP_NONSENSE", "CAP_BPF"}, want: 1 << unix.CAP_BPF, unknown: []string{"CAP_NONSENSE"}},
		{name: "lower case", list: []string{"cap_chown"}, unknown: []string{"cap_chown"}},
		{name: "no prefix", list: []string{"CHOWN"}, unknown: []string{"CHOWN"}},
		{name: "empty", list: []string{""}, unknown: []string{""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, unknown := MaskFromNames(tc.list)
			if got != tc.want || !slices.Equal(unknown, tc.unknown) {
				t.Errorf("got %#x, unknown %q; want %#x, unknown %q", got, unknown, tc.want, tc.unknown)
			}
		})
	}
}

func TestNamesMatchNumbers(t *testing.T) {
	for i, name := range Names() {
		if bit, ok := Parse(name); !ok || bit != uint(i) {
			t.Errorf("Parse(%q) = %d, %v; want %d", name, bit, ok, i)
		}
	}
	// One from each quarter of the table, by the kernel's own constants.
	for name, bit := range map[string]uint{"CAP_SETPCAP": unix.CAP_SETPCAP, "CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_SETFCAP": unix.CAP_SETFCAP, "CAP_AUDIT_READ": unix.CAP_AUDIT_READ} {
		if got, _ := Parse(name); got != bit {
			t.Errorf("Parse(%q) = %d, want %d", name, got, bit)
		}
	}
	if got, want := List(1<<unix.CAP_KILL|1), "CAP_CHOWN, CAP_KILL"; got != want {
		t.Errorf("List = %q, want %q", got, want)
	}
}

func TestLastCap(t *testing.T) {
	data, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		t.Skip("no cap_last_cap to compare with: ", err)
	}
	got, err := LastCap()
	if err != nil || strconv.Itoa(int(got)) != strings.TrimSpace(string(data)) {
		t.Errorf("LastCap = %d, %v; the kernel says %s", got, err, data)
	}
}

// E17, E20: the bounding set shrinks to the mask; bits that nobody has are reported.
func TestDropBounding(t *testing.T) {
	onThread(t, func() {
		keep := mask(t, "CAP_KILL", "CAP_SETPCAP")
		missing, err := DropBounding(keep | 1<<63)
		if err != nil || missing != 1<<63 {
			t.Errorf("DropBounding = missing %#x, %v; want bit 63", missing, err)
		}
		if got := status(t, "CapBnd"); got != keep {
			t.Errorf("CapBnd = %#x, want %#x", got, keep)
		}
		missing, err = DropBounding(mask(t, "CAP_KILL", "CAP_CHOWN"))
		if err != nil || missing != mask(t, "CAP_CHOWN") {
			t.Errorf("second DropBounding = missing %#x, %v; want CAP_CHOWN", missing, err)
		}
	})
}

// Without CAP_SETPCAP nothing can be dropped, but a set that is small enough already is no error.
func TestDropBoundingWithoutSetpcap(t *testing.T) {
	onThread(t, func() {
		keep := mask(t, "CAP_KILL")
		if _, err := DropBounding(keep); err != nil {
			t.Error(err)
		}
		if _, err := Set(&step.Capabilities{Permitted: keep, Effective: keep}); err != nil {
			t.Error(err)
		}
		if _, err := DropBounding(keep); err != nil {
			t.Errorf("nothing to drop: %v", err)
		}
		if _, err := DropBounding(0); err == nil {
			t.Error("CAP_KILL was dropped without CAP_SETPCAP")
		}
	})
}

// E17, E18: every set is exactly what was given (CVE-2022-29162: inheritable stays what the configuration says).
func TestSet(t *testing.T) {
	kill, chown, bind := uint64(1<<unix.CAP_KILL), uint64(1<<unix.CAP_CHOWN), uint64(1<<unix.CAP_NET_BIND_SERVICE)
	for _, tc := range []struct {
		name string
		set  step.Capabilities
		want Denied
	}{
		{name: "nothing"},
		{name: "effective is a subset", set: step.Capabilities{Permitted: kill | chown, Effective: kill}},
		{name: "inheritable alone", set: step.Capabilities{Inheritable: bind}},
		{name: "ambient", set: step.Capabilities{Permitted: bind | kill, Inheritable: bind, Ambient: bind}},
		{name: "high word", set: step.Capabilities{Permitted: 1 << unix.CAP_BPF, Effective: 1 << unix.CAP_BPF}},
		{name: "ambient without inheritable", set: step.Capabilities{Permitted: bind, Ambient: bind}, want: Denied{Ambient: bind}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onThread(t, func() {
				denied, err := Set(&tc.set)
				if err != nil || denied != tc.want {
					t.Errorf("Set = %+v, %v; want %+v", denied, err, tc.want)
				}
				for field, want := range map[string]uint64{
					"CapPrm": tc.set.Permitted, "CapEff": tc.set.Effective, "CapInh": tc.set.Inheritable, "CapAmb": tc.set.Ambient &^ tc.want.Ambient,
				} {
					if got := status(t, field); got != want {
						t.Errorf("%s = %#x, want %#x", field, got, want)
					}
				}
			})
		})
	}
}

// E20: what the thread does not hold is left out and reported; the rest is set.
func TestSetNotHeld(t *testing.T) {
	onThread(t, func() {
		kill, chown := uint64(1<<unix.CAP_KILL), uint64(1<<unix.CAP_CHOWN)
		if _, err := Set(&step.Capabilities{Permitted: kill, Effective: kill}); err != nil {
			t.Error(err)
		}
		denied, err := Set(&step.Capabilities{Permitted: kill | chown, Effective: kill | chown, Inheritable: chown, Ambient: chown})
		if err != nil || denied != (Denied{Sets: chown}) {
			t.Errorf("Set = %+v, %v; want CAP_CHOWN denied", denied, err)
		}
		if got := status(t, "CapPrm"); got != kill {
			t.Errorf("CapPrm = %#x, want %#x", got, kill)
		}
		denied, err = Set(&step.Capabilities{Permitted: kill | chown, Effective: kill})
		if err != nil || denied != (Denied{Sets: chown}) {
			t.Errorf("permitted alone: Set = %+v, %v; want CAP_CHOWN denied", denied, err)
		}
	})
}

// E18, CVE-2016-8867: ambient capabilities of the caller are gone where the configuration lists none, also of those that the
// program may have and pass on.
func TestSetClearsAmbient(t *testing.T) {
	onThread(t, func() {
		set := step.Capabilities{Permitted: 1 << unix.CAP_KILL, Inheritable: 1 << unix.CAP_KILL, Ambient: 1 << unix.CAP_KILL}
		if _, err := Set(&set); err != nil || status(t, "CapAmb") != set.Ambient {
			t.Errorf("CapAmb = %#x, %v", status(t, "CapAmb"), err)
		}
		set.Ambient = 0
		if _, err := Set(&set); err != nil || status(t, "CapAmb") != 0 {
			t.Errorf("CapAmb = %#x, %v; want none", status(t, "CapAmb"), err)
		}
	})
}

func TestSetContradiction(t *testing.T) {
	onThread(t, func() {
		_, err := Set(&step.Capabilities{Effective: 1 << unix.CAP_KILL})
		if err == nil || !strings.Contains(err.Error(), "permitted lacks: CAP_KILL") {
			t.Errorf("effective without permitted: %v", err)
		}
	})
}
