package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// fill gives every field of a struct a value that differs from zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-7)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(200)
	case reflect.String:
		v.SetString("text \x00 with a NUL")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0))
		fill(v.Index(1))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}

// Every kind of step crosses the wire with every field, so a field of a kind the codec does not know fails here.
func TestEveryStepCrosses(t *testing.T) {
	var want []step.Entry
	for _, kind := range step.Kinds {
		v := reflect.New(reflect.TypeOf(kind).Elem())
		fill(v.Elem())
		want = append(want, step.Entry{Pointer: "/a~1b", Step: v.Interface().(step.Step)})
	}
	got, err := DecodePlan(EncodePlan(want))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func pair(t *testing.T) (a, b *Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, b = &Conn{Fd: fds[0]}, &Conn{Fd: fds[1]}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestEveryMessageCrosses(t *testing.T) {
	a, b := pair(t)
	for number := byte(1); newMessage(number) != nil; number++ {
		want := newMessage(number)
		if want.number() != number {
			t.Fatalf("message %d says it is %d", number, want.number())
		}
		fill(reflect.ValueOf(want).Elem())
		if err := a.Send(want); err != nil {
			t.Fatal(err)
		}
		got, _, err := b.Recv()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("message %d: got %v, %v; want %v", number, got, err, want)
		}
	}
}

// F38: a plan larger than a packet, with more descriptors than one carries.
func TestPlanCrossesWithItsDescriptors(t *testing.T) {
	for _, tt := range []struct {
		name      string
		size, fds int
		gate      bool
	}{
		{"large, with a gate", 3*MaxMessage + 5, 0, true},
		{"descriptors in several parts", 10, 2*partDescriptors + 3, true},
		{"one part full", 10, partDescriptors, false},
		{"without any", 10, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pair(t)
			plan := []byte(strings.Repeat("x", tt.size))
			gateFd := -1
			if tt.gate {
				gateFd = b.Fd
			}
			var sent []int
			for i := range tt.fds {
				sent = append(sent, []int{a.Fd, b.Fd}[i%2])
			}
			go a.SendPlan(plan, sent, gateFd)
			got, fds, gate, err := b.RecvPlan()
			if err != nil || string(got) != string(plan) || len(fds) != tt.fds || (gate >= 0) != tt.gate {
				t.Fatalf("got %d bytes, %d descriptors, gate %d, %v", len(got), len(fds), gate, err)
			}
			for i, fd := range fds {
				if !sameFile(t, fd, sent[i]) {
					t.Fatalf("descriptor %d is another one", i)
				}
			}
			if tt.gate && !sameFile(t, gate, gateFd) {
				t.Error("the gate is another descriptor")
			}
			closeAll(append(fds, gate))
		})
	}
}

func sameFile(t *testing.T, a, b int) bool {
	t.Helper()
	var sa, sb unix.Stat_t
	if unix.Fstat(a, &sa) != nil || unix.Fstat(b, &sb) != nil {
		t.Fatal("fstat")
	}
	return sa.Ino == sb.Ino
}

// W3: what a hostile peer could send is an error, and leaves no descriptor open.
func TestRecvRefuses(t *testing.T) {
	tests := []struct {
		name string
		raw  []byte
		fds  []int
	}{
		{"unknown message", []byte{99}, nil},
		{"empty fields where some are due", []byte{9}, nil},
		{"bytes behind the message", []byte{2, 0}, nil},
		{"length past the end", []byte{5, 0xff, 0xff, 0x03, 'x'}, nil},
		{"two descriptors", []byte{2}, []int{0, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pair(t)
			var rights []byte
			if tt.fds != nil {
				rights = unix.UnixRights(tt.fds...)
			}
			if err := unix.Sendmsg(a.Fd, tt.raw, rights, nil, 0); err != nil {
				t.Fatal(err)
			}
			if m, fd, err := b.Recv(); err == nil || fd >= 0 {
				t.Errorf("got %v with descriptor %d", m, fd)
			}
		})
	}
}

func TestRecvTellsDeathFromSilence(t *testing.T) {
	a, b := pair(t)
	if err := b.SetDeadline(20); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Recv(); err != fault.ErrTimeout {
		t.Errorf("silent peer: %v", err)
	}
	a.Close()
	if _, _, err := b.Recv(); err != ErrClosed {
		t.Errorf("dead peer: %v", err)
	}
	if err := b.Send(&Run{}); err != ErrClosed {
		t.Errorf("send to a dead peer: %v", err)
	}
}

// W4: what a user reads and what errors.Is answers is the same on both sides.
func TestErrorCrossesWhole(t *testing.T) {
	tests := []struct {
		name string
		err  error
		is   error
	}{
		{"errno", &fault.Error{Op: "bind", Pointer: "/mounts/3", Path: "/srv", Err: unix.ENOENT, Hint: "create it"}, unix.ENOENT},
		{"sentence", &fault.Error{Op: "exec:", Path: "x", Err: fault.Text("executable file not found in $PATH")}, nil},
		{"sentence around an errno", &fault.Error{Op: "hook", Err: &fault.Error{Op: "stat x", Err: unix.EACCES}}, unix.EACCES},
		{"no fault at all", unix.EPERM, unix.EPERM},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := NewFailed(tt.err).Fault()
			if got.Error() != tt.err.Error() {
				t.Errorf("got  %s\nwant %s", got, tt.err)
			}
			if tt.is != nil && !errors.Is(got, tt.is) {
				t.Errorf("%v is not %v any more", got, tt.is)
			}
		})
	}
}

// CVE-2021-43784: no length that a message claims is believed.
func FuzzDecodePlan(f *testing.F) {
	f.Add(EncodePlan([]step.Entry{{Pointer: "/mounts/0", Step: &step.Mount{Destination: "/proc", Options: step.MountOptions{Data: []string{"a"}}}}}))
	f.Fuzz(func(_ *testing.T, b []byte) {
		if entries, err := DecodePlan(b); err == nil {
			EncodePlan(entries)
		}
	})
}

func FuzzDecodeMessage(f *testing.F) {
	f.Add(encodeMessage(&Failed{Op: "x", Errno: 3}))
	f.Fuzz(func(_ *testing.T, b []byte) { decodeMessage(b) })
}
