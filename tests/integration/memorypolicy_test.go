package integration

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// I14 I15: the pages of the program are under the policy, as the kernel's own list of them says.
func TestMemoryPolicy(t *testing.T) {
	requireNUMA(t)
	for want, p := range map[string]specs.LinuxMemoryPolicy{
		"default":             {Mode: specs.MpolDefault},
		"local":               {Mode: specs.MpolLocal},
		"bind:0":              {Mode: specs.MpolBind, Nodes: "0"},
		"bind=static:0":       {Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes}},
		"bind=relative:0":     {Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{specs.MpolFRelativeNodes}},
		"interleave:0":        {Mode: specs.MpolInterleave, Nodes: "0"},
		"prefer:0":            {Mode: specs.MpolPreferred, Nodes: "0"},
		"prefer (many):0":     {Mode: specs.MpolPreferredMany, Nodes: "0"},
		"bind=balancing:0":    {Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{specs.MpolFNumaBalancing}},
		"weighted interleave": {Mode: specs.MpolWeightedInterleave, Nodes: "0"},
	} {
		t.Run(want, func(t *testing.T) {
			b := newBundle(t, withLinux(func(l *specs.Linux) { l.MemoryPolicy = &p })).create().start()
			// The stack is memory of the program itself, under whatever policy the process has.
			found := false
			for line := range strings.Lines(read(t, "/proc/"+itoa(b.pid)+"/numa_maps")) {
				if strings.Contains(line, " stack ") {
					found = true
					if !strings.Contains(line, " "+want) {
						t.Errorf("want %q: %s", want, line)
					}
				}
			}
			if !found {
				t.Error("no stack")
			}
		})
	}
}

// I14: a node that this host does not have is the kernel's to refuse; what makes no sense is refused before anything is made.
func TestMemoryPolicyRefused(t *testing.T) {
	requireNUMA(t)
	for name, row := range map[string]struct {
		p    specs.LinuxMemoryPolicy
		want []string
	}{
		"absent node":        {specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "1000"}, []string{"/linux/memoryPolicy", "set_mempolicy", "invalid argument"}},
		"local with nodes":   {specs.LinuxMemoryPolicy{Mode: specs.MpolLocal, Nodes: "0"}, []string{"/linux/memoryPolicy/nodes", "must be empty"}},
		"bind without nodes": {specs.LinuxMemoryPolicy{Mode: specs.MpolBind}, []string{"/linux/memoryPolicy/nodes", "at least one"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundle(t, withLinux(func(l *specs.Linux) { l.MemoryPolicy = &row.p }))
			b.try("create").fails(row.want...)
			b.nothingLeft()
		})
	}
}

func requireNUMA(t *testing.T) {
	t.Helper()
	_, err := os.Stat("/proc/self/numa_maps")
	skipUnless(t, err == nil, "the kernel is built without CONFIG_NUMA")
}
