package fdpass

import (
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func socketpair(t *testing.T, kind int) (a, b int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pair[0]); unix.Close(pair[1]) })
	return pair[0], pair[1]
}

// openDescriptors counts what this process has open.
func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestPass(t *testing.T) {
	for name, kind := range map[string]int{"stream": unix.SOCK_STREAM, "seqpacket": unix.SOCK_SEQPACKET} {
		t.Run(name, func(t *testing.T) {
			a, b := socketpair(t, kind)
			if err := Send(a, []byte("hello"), 0, 1); err != nil {
				t.Fatal(err)
			}
			var buf [64]byte
			n, fds, err := Recv(b, buf[:], 2)
			if err != nil || string(buf[:n]) != "hello" || len(fds) != 2 {
				t.Fatalf("Recv = %q, %v, %v", buf[:n], fds, err)
			}
			for i, fd := range fds {
				flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
				if err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("descriptor %d: flags %#x, %v: not close-on-exec", fd, flags, err)
				}
				var sent, got unix.Stat_t
				if unix.Fstat(i, &sent) != nil || unix.Fstat(fd, &got) != nil || sent.Ino != got.Ino {
					t.Errorf("descriptor %d is not the one that was sent", fd)
				}
				unix.Close(fd)
			}
		})
	}
}

// Whatever is wrong with a message, none of its descriptors stays open.
func TestRecvClosesWhatItRefuses(t *testing.T) {
	for _, tc := range []struct {
		name    string
		payload string
		fds     []int
		bufSize int
		maxFds  int
		want    error
	}{
		{name: "one more than expected", payload: "x", fds: []int{0, 1}, bufSize: 8, maxFds: 1, want: ErrSurplus},
		{name: "many more than expected", payload: "x", fds: []int{0, 1, 2, 0, 1, 2}, bufSize: 8, maxFds: 1, want: ErrTruncated},
		{name: "none expected", payload: "x", fds: []int{0}, bufSize: 8, maxFds: 0, want: ErrTruncated},
		{name: "payload too long", payload: "0123456789", fds: []int{0}, bufSize: 4, maxFds: 1, want: ErrTruncated},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, b := socketpair(t, unix.SOCK_SEQPACKET)
			if err := Send(a, []byte(tc.payload), tc.fds...); err != nil {
				t.Fatal(err)
			}
			before := openDescriptors(t)
			n, fds, err := Recv(b, make([]byte, tc.bufSize), tc.maxFds)
			if !errors.Is(err, tc.want) || n != 0 || fds != nil {
				t.Errorf("Recv = %d, %v, %v; want %v", n, fds, err, tc.want)
			}
			if after := openDescriptors(t); after != before {
				t.Errorf("%d descriptors leaked", after-before)
			}
		})
	}
}

func TestEnd(t *testing.T) {
	a, b := socketpair(t, unix.SOCK_STREAM)
	unix.Shutdown(a, unix.SHUT_RDWR)
	if _, _, err := Recv(b, make([]byte, 8), 1); err != io.EOF {
		t.Errorf("Recv = %v, want EOF", err)
	}
	if err := Send(b, []byte("x")); err != unix.EPIPE {
		t.Errorf("Send = %v, want EPIPE", err)
	}
	if err := Send(a, nil, 0); err != unix.EINVAL {
		t.Errorf("Send of nothing = %v, want EINVAL", err)
	}
}
