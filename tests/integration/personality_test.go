package integration

import (
	"runtime"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// I9: the program runs in the execution domain, and keeps it although its user changes.
func TestPersonality(t *testing.T) {
	for domain, want := range map[specs.LinuxPersonalityDomain]string{specs.PerLinux: "00000000", specs.PerLinux32: "00000008"} {
		b := newBundle(t, withUser(1000, 1000), withLinux(func(l *specs.Linux) { l.Personality = &specs.LinuxPersonality{Domain: domain} })).create().start()
		wants(t, string(domain), strings.TrimSpace(read(t, "/proc/"+itoa(b.pid)+"/personality")), want)
	}
	if runtime.GOARCH == "amd64" {
		b := newBundle(t, withArgs("busybox", "uname", "-m"), withLinux(func(l *specs.Linux) { l.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32} }))
		wants(t, "machine", b.output(), "i686")
	}
}

// I9 I10: words and flags that are none.
func TestPersonalityRefused(t *testing.T) {
	for pointer, p := range map[string]specs.LinuxPersonality{
		"/linux/personality/domain": {Domain: "BSD"},
		"/linux/personality/flags":  {Domain: specs.PerLinux, Flags: []specs.LinuxPersonalityFlag{"ADDR_NO_RANDOMIZE"}},
	} {
		b := newBundle(t, withLinux(func(l *specs.Linux) { l.Personality = &p }))
		b.try("create").fails(pointer)
		b.nothingLeft()
	}
}
