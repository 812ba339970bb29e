package netdevices

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// namespaces gives the test a network namespace for its host side, and the pid of a process in another one.
func namespaces(t *testing.T) (pid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is missing (Debian: iproute2)")
	}
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sleep", "600")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c.Process.Pid
}

// ip runs ip(8) here, or where a process is.
func ip(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		if strings.Contains(string(out), "Unknown device type") {
			t.Skip("the kernel has no such device: " + string(out))
		}
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
	return string(out)
}

func ipIn(t *testing.T, pid string, args ...string) string {
	t.Helper()
	out, err := exec.Command("nsenter", append([]string{"-t", pid, "-n", "ip"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
	return string(out)
}

// G16: names, addresses and state inside, and all of it as before when create takes it back.
func TestMoveAndBack(t *testing.T) {
	pid := namespaces(t)
	target := strconv.Itoa(pid)
	ip(t, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	ip(t, "link", "set", "v0", "up", "mtu", "1400")
	ip(t, "addr", "add", "10.9.8.7/24", "brd", "10.9.8.255", "label", "v0:1", "dev", "v0")
	ip(t, "addr", "add", "10.9.8.8/24", "dev", "v0")
	ip(t, "addr", "add", "192.0.2.1", "peer", "192.0.2.2/32", "dev", "v0")
	ip(t, "addr", "add", "10.1.1.1/24", "scope", "link", "dev", "v0")
	ip(t, "addr", "add", "10.1.2.1/24", "valid_lft", "3000", "preferred_lft", "1000", "dev", "v0")
	hasIPv6 := false
	if _, err := os.Stat("/proc/sys/net/ipv6"); err == nil {
		hasIPv6 = true
		ip(t, "addr", "add", "2001:db8::5/64", "nodad", "dev", "v0")
	}
	before := ip(t, "-o", "addr", "show", "dev", "v0", "scope", "global")

	m, err := Move(pid, []Device{{Name: "v0", Inside: "eth0"}, {Name: "v1", Inside: "eth%d"}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	inside := ipIn(t, target, "-o", "addr", "show", "dev", "eth0")
	for _, want := range []string{"10.9.8.7/24 brd 10.9.8.255", "eth0:1", "10.9.8.8/24", "192.0.2.1 peer 192.0.2.2/32"} {
		if !strings.Contains(inside, want) {
			t.Errorf("inside lacks %q:\n%s", want, inside)
		}
	}
	if hasIPv6 && !strings.Contains(inside, "2001:db8::5/64") {
		t.Errorf("the IPv6 address is lost:\n%s", inside)
	}
	if strings.Contains(inside, "10.1.1.1") || strings.Contains(inside, "10.1.2.1") {
		t.Errorf("an address of the link, or one that expires, has been taken along:\n%s", inside)
	}
	state := ipIn(t, target, "-o", "link")
	for _, name := range []string{"eth0", "eth1"} {
		if !strings.Contains(state, name) {
			t.Errorf("no %s inside:\n%s", name, state)
		}
	}
	if strings.Count(state, ",UP") < 2 || !strings.Contains(state, "mtu 1400") {
		t.Errorf("not up, or changed:\n%s", state)
	}
	if out := ip(t, "-o", "link"); strings.Contains(out, "v0") || strings.Contains(out, "v1") {
		t.Errorf("still outside:\n%s", out)
	}

	if err := m.Back(); err != nil {
		t.Fatal(err)
	}
	after := ip(t, "-o", "addr", "show", "dev", "v0", "scope", "global")
	for _, want := range []string{"10.9.8.7/24 brd 10.9.8.255 scope global v0:1", "10.9.8.8/24", "192.0.2.1 peer 192.0.2.2/32"} {
		if !strings.Contains(before, want) || !strings.Contains(after, want) {
			t.Errorf("%q is lost\nbefore:\n%s\nafter:\n%s", want, before, after)
		}
	}
	links := ip(t, "-o", "link")
	if !strings.Contains(links, "v0@v1: <BROADCAST,MULTICAST,UP") && !strings.Contains(links, "v0@v1: <NO-CARRIER,BROADCAST,MULTICAST,UP") {
		t.Errorf("v0 is not up as before:\n%s", links)
	}
	if strings.Contains(links, "v1@v0: <BROADCAST,MULTICAST,UP") {
		t.Errorf("v1 was down:\n%s", links)
	}
}

// G16: what must be an error, and nothing has moved then.
func TestMoveRefuses(t *testing.T) {
	pid := namespaces(t)
	target := strconv.Itoa(pid)
	ip(t, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	ip(t, "link", "add", "b0", "type", "bridge")
	ipIn(t, target, "link", "add", "taken", "type", "bridge")
	for _, row := range []struct {
		name    string
		devices []Device
		want    string
	}{
		{"no such device", []Device{{Name: "v0", Inside: "v0"}, {Name: "nosuch", Inside: "x", Pointer: "/linux/netDevices/nosuch"}}, `/linux/netDevices/nosuch: network device "nosuch": no such device`},
		{"name taken inside", []Device{{Name: "v0", Inside: "taken"}}, "exists in the network namespace"},
		{"loopback", []Device{{Name: "lo", Inside: "lo1"}}, "loopback"},
		{"a bridge after another", []Device{{Name: "v0", Inside: "v0"}, {Name: "b0", Inside: "b0", Pointer: "/linux/netDevices/b0"}}, `/linux/netDevices/b0: move network device "b0": invalid argument`},
	} {
		m, err := Move(pid, row.devices)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
		if err := m.Back(); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		m.Close()
		if out := ip(t, "-o", "link"); !strings.Contains(out, "v0@") || !strings.Contains(out, "b0:") {
			t.Errorf("%s: outside are\n%s", row.name, out)
		}
	}
	m, err := Move(unix.Gettid(), nil)
	defer m.Close()
	if err == nil || !strings.Contains(err.Error(), "network namespace of the runtime") {
		t.Errorf("the namespace of the runtime: %v", err)
	}
}

func TestLabel(t *testing.T) {
	for _, row := range []struct{ old, from, to, want string }{
		{"eth0", "eth0", "net1", ""},
		{"eth0:1", "eth0", "net1", "net1:1"},
		{"other", "eth0", "net1", ""},
		{"eth0:alias", "eth0", "averylongname", ""},
		{"", "eth0", "net1", ""},
	} {
		if got := label(row.old, row.from, row.to); got != row.want {
			t.Errorf("%+v: got %q", row, got)
		}
	}
}

func TestArrival(t *testing.T) {
	before := []link{{index: 1}, {index: 7}}
	if got := arrival(before, []link{{index: 1}, {index: 7}, {index: 9}, {index: 3}}, 3); got == nil || got.index != 3 {
		t.Errorf("%+v", got)
	}
	if got := arrival(before, []link{{index: 1}, {index: 7}, {index: 9}}, 7); got == nil || got.index != 9 {
		t.Errorf("index taken: %+v", got)
	}
	if got := arrival(before, before, 7); got != nil {
		t.Errorf("nothing has arrived: %+v", got)
	}
}

// What is written can be read, and the flags that are the kernel's are left out.
func TestAddressMessage(t *testing.T) {
	a := address{
		index: 3, family: unix.AF_INET, prefixLen: 24, flags: unix.IFA_F_PERMANENT | unix.IFA_F_NOPREFIXROUTE, label: "eth0:1",
		kept: []attribute{{unix.IFA_LOCAL, []byte{10, 0, 0, 1}}, {unix.IFA_ADDRESS, []byte{10, 0, 0, 1}}},
	}
	got, ok := parseAddress(newAddress(5, &a, "net0:1"))
	want := a
	want.index, want.label, want.flags = 5, "net0:1", unix.IFA_F_NOPREFIXROUTE
	if !ok || !reflect.DeepEqual(got, want) || a.String() != "10.0.0.1/24" {
		t.Errorf("got %+v of %s", got, &a)
	}
	six := address{prefixLen: 64, kept: []attribute{{unix.IFA_ADDRESS, []byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}}}}
	if six.String() != "2001:db8:0:0:0:0:0:5/64" {
		t.Error(six.String())
	}
}

// An answer of the kernel's with words; with and without the request in it.
func TestAnswer(t *testing.T) {
	words := appendAttribute(nil, unix.NLMSGERR_ATTR_MSG, []byte("no way\x00"))
	request := header(unix.RTM_NEWLINK, 0, 9, []byte{1, 2, 3, 4, 5})
	errno := unix.EINVAL
	number := []byte{}
	for shift := 0; shift < 32; shift += 8 {
		number = append(number, byte(uint32(-int32(errno))>>shift))
	}
	whole := append(append(slices.Clone(number), append(request, 0, 0, 0)...), words...)
	capped := append(append(slices.Clone(number), request[:headerLength]...), words...)
	for name, row := range map[string]struct {
		body  []byte
		flags uint16
		want  string
	}{
		"whole": {whole, unix.NLM_F_ACK_TLVS, "invalid argument (no way)"}, "capped": {capped, unix.NLM_F_ACK_TLVS | unix.NLM_F_CAPPED, "invalid argument (no way)"},
		"no words": {whole, 0, "invalid argument"}, "short": {number, 0, errMalformed.Error()},
	} {
		err := answer(row.body, row.flags)
		if err == nil || err.Error() != row.want {
			t.Errorf("%s: %v", name, err)
		}
		if name != "short" && !errors.Is(err, unix.EINVAL) {
			t.Errorf("%s: the errno is lost", name)
		}
	}
	if err := answer(make([]byte, 4+headerLength), 0); err != nil {
		t.Error(err)
	}
}

// Whatever comes, reading it ends.
func FuzzAnswers(f *testing.F) {
	f.Add(header(unix.RTM_NEWADDR, 0, 1, newAddress(1, &address{family: 2, kept: []attribute{{1, []byte{1}}}}, "x")))
	f.Add(header(unix.NLMSG_ERROR, unix.NLM_F_ACK_TLVS, 1, make([]byte, 64)))
	f.Fuzz(func(t *testing.T, packet []byte) {
		a := answers{rest: bytes.Clone(packet), seq: 1, each: func(m []byte) {
			parseLink(m)
			if x, ok := parseAddress(m); ok {
				_ = x.String()
				newAddress(1, &x, x.label)
			}
		}}
		a.read()
	})
}
