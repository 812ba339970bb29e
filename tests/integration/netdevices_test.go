package integration

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// vethPair makes two devices of the host for a test, and returns their names. What comes back to the host is removed.
func vethPair(t *testing.T) (first, second string) {
	t.Helper()
	requireRoot(t)
	_, err := exec.LookPath("ip")
	skipUnless(t, err == nil, "ip is missing (Debian: iproute2)")
	number := strconv.Itoa(os.Getpid() % 100000)
	first, second = "tare"+number+"a", "tare"+number+"b"
	output, err := exec.Command("ip", "link", "add", first, "type", "veth", "peer", "name", second).CombinedOutput()
	skipUnless(t, err == nil, "the kernel has no veth devices: "+string(output))
	t.Cleanup(func() { exec.Command("ip", "link", "del", first).Run() })
	t.Cleanup(func() { exec.Command("ip", "link", "del", second).Run() })
	return first, second
}

// withNetDevices moves devices: names on the host and inside, in turn.
func withNetDevices(names ...string) option {
	return withLinux(func(l *specs.Linux) {
		l.NetDevices = map[string]specs.LinuxNetDevice{}
		for i := 0; i < len(names); i += 2 {
			l.NetDevices[names[i]] = specs.LinuxNetDevice{Name: names[i+1]}
		}
	})
}

// ip runs ip(8) in the network namespace of the container.
func (b *bundle) ip(args ...string) string {
	b.t.Helper()
	output, err := exec.Command("nsenter", append([]string{"-t", itoa(b.pid), "-n", "ip"}, args...)...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("ip %v: %v: %s", args, err, output)
	}
	return string(output)
}

func hostIP(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, output)
	}
	return string(output)
}

// G16: the devices are inside under their new names, up and with their permanent global addresses, before anything of the
// container runs: sysctls name them.
func TestNetDevices(t *testing.T) {
	first, second := vethPair(t)
	hostIP(t, "addr", "add", "10.77.1.1/24", "dev", first)
	hostIP(t, "addr", "add", "10.77.2.1/24", "scope", "link", "dev", first)
	b := newBundle(t, withNetDevices(first, "net0", second, "eth%d"), withLinux(func(l *specs.Linux) {
		l.Sysctl = map[string]string{"net/ipv4/conf/net0/forwarding": "1"}
	})).create()
	links := strings.ReplaceAll(b.ip("-o", "link"), "NO-CARRIER,", "") // until both ends are up
	for _, want := range []string{": net0@eth0: <BROADCAST,MULTICAST,UP", ": eth0@net0: <BROADCAST,MULTICAST,UP"} {
		if !strings.Contains(links, want) {
			t.Errorf("no %q inside:\n%s", want, links)
		}
	}
	addresses := b.ip("-o", "addr", "show", "dev", "net0")
	if !strings.Contains(addresses, "10.77.1.1/24") || strings.Contains(addresses, "10.77.2.1") {
		t.Errorf("addresses inside:\n%s", addresses)
	}
	if outside := hostIP(t, "-o", "link"); strings.Contains(outside, first) || strings.Contains(outside, second) {
		t.Errorf("still outside:\n%s", outside)
	}
	b.start()
	// The namespace ends with the container, and the kernel destroys the devices: create holds nothing.
	b.stop()
	b.try("delete").succeeds()
	if outside := hostIP(t, "-o", "link"); strings.Contains(outside, "net0") || strings.Contains(outside, first) {
		t.Errorf("moved back:\n%s", outside)
	}
}

// G16: a create that fails, before or after the move, leaves the host's devices as they were.
func TestNetDevicesAfterFailure(t *testing.T) {
	first, second := vethPair(t)
	hostIP(t, "addr", "add", "10.77.1.1/24", "dev", first)
	hostIP(t, "link", "set", first, "up")
	before := hostIP(t, "-o", "addr", "show", "dev", first, "scope", "global") + hostIP(t, "-br", "link", "show", "dev", second)
	for name, row := range map[string]struct {
		options []option
		want    []string
	}{
		"no such device":          {[]option{withNetDevices(first, "", "nosuch0", "")}, []string{"/linux/netDevices/nosuch0", "no such device"}},
		"init fails":              {[]option{withNetDevices(first, "net0", second, "net1"), withArgs("/nosuch")}, []string{"/nosuch"}},
		"a name that is too long": {[]option{withNetDevices(first, "abcdefghijklmnop")}, []string{"/linux/netDevices/" + first + "/name", "15 bytes"}},
		"no namespace":            {[]option{withNetDevices(first, ""), withoutNamespace(specs.NetworkNamespace)}, []string{"/linux/netDevices", "namespace of type network"}},
		"the runtime's namespace": {[]option{withNetDevices(first, ""), withNamespace(specs.NetworkNamespace, "/proc/"+itoa(os.Getpid())+"/ns/net")}, []string{"/linux/netDevices", "is the host's own network namespace"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, row.options...)
			b.try("create").fails(row.want...)
			b.nothingLeft()
			after := hostIP(t, "-o", "addr", "show", "dev", first, "scope", "global") + hostIP(t, "-br", "link", "show", "dev", second)
			if withoutIndexes(after) != withoutIndexes(before) {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// withoutIndexes drops the numbers of devices at the beginnings of lines.
func withoutIndexes(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		_, rest, found := strings.Cut(line, ": ")
		if !found {
			rest = line
		}
		b.WriteString(rest)
	}
	return b.String()
}

// G16: in a namespace that is joined, a name that is taken is an error, unless the kernel may choose another.
func TestNetDevicesJoined(t *testing.T) {
	first, _ := vethPair(t)
	owner := newBundle(t).create().start()
	owner.ip("link", "add", "net0", "type", "veth", "peer", "name", "net1")
	join := withNamespace(specs.NetworkNamespace, "/proc/"+itoa(owner.pid)+"/ns/net")

	b := newBundle(t, join, withNetDevices(first, "net0"))
	b.try("create").fails("/linux/netDevices/"+first, `"net0"`, "exists in the network namespace of the container")
	b.nothingLeft()

	b = newBundle(t, join, withNetDevices(first, "net%d")).create().start()
	if links := owner.ip("-o", "link"); !strings.Contains(links, ": net2@") {
		t.Errorf("no net2:\n%s", links)
	}
	b.stop()
	b.try("delete").succeeds()
	if links := owner.ip("-o", "link"); !strings.Contains(links, ": net2@") {
		t.Errorf("taken out of a namespace that others use:\n%s", links)
	}
}
