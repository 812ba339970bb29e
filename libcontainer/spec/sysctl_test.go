package spec

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func TestSysctlPath(t *testing.T) {
	for _, test := range []struct{ name, want string }{
		{"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
		{"net/ipv4/ip_forward", "net/ipv4/ip_forward"},
		{"net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"}, // I12
		{"net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"}, // I12
		{"net", "net"},
		{"", ""}, {"net..x", ""}, {"net/../kernel/sysrq", ""}, {"net.//.kernel", ""}, {"/net/x", ""}, {"net.x.", ""}, {"net.x\x00", ""},
	} {
		if got := SysctlPath(test.name); got != test.want {
			t.Errorf("%q: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestValidateSysctl(t *testing.T) {
	set := func(pairs ...string) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Linux.Sysctl = map[string]string{}
			for i := 0; i < len(pairs); i += 2 {
				s.Linux.Sysctl[pairs[i]] = pairs[i+1]
			}
		}
	}
	without := func(kind specs.LinuxNamespaceType, name string) func(*specs.Spec) {
		return func(s *specs.Spec) {
			set(name, "1")(s)
			withoutNamespace(s, kind)
			s.Hostname = ""
		}
	}
	runProblemTests(t, []problemTest{
		{"I11 namespaced", set("kernel.msgmax", "1", "kernel.msgmnb", "1", "kernel.msgmni", "1", "kernel.sem", "1 2 3 4", "kernel.shmall", "1",
			"kernel.shmmax", "1", "kernel.shmmni", "1", "kernel.shm_rmid_forced", "1", "fs.mqueue.msg_max", "1",
			"net.ipv4.ip_forward", "1", "net/ipv4/conf/eth0.1/forwarding", "1", "kernel.domainname", "d"), nil},
		{"I11 W of the host", set("kernel.sysrq", "1", "vm.swappiness", "1", "fs.file-max", "1", "net", "1"), []string{
			"/linux/sysctl/fs.file-max: belongs to the host, not to a namespace; set it on the host",
			"/linux/sysctl/kernel.sysrq: belongs to the host, not to a namespace; set it on the host",
			"/linux/sysctl/net: belongs to the host, not to a namespace; set it on the host",
			"/linux/sysctl/vm.swappiness: belongs to the host, not to a namespace; set it on the host",
		}},
		{"I11 W what executes programs on the host", set("kernel.core_pattern", "|/x", "kernel.modprobe", "/x", "kernel.hotplug", "/x", "fs.binfmt_misc.register", "x"), []string{
			"/linux/sysctl/fs.binfmt_misc.register: belongs to the host, not to a namespace; set it on the host",
			"/linux/sysctl/kernel.core_pattern: belongs to the host, not to a namespace; set it on the host",
			"/linux/sysctl/kernel.hotplug: belongs to the host, not to a namespace; set it on the host",
			"/linux/sysctl/kernel.modprobe: belongs to the host, not to a namespace; set it on the host",
		}},
		{"I11 I12 host sysctl behind net", set("net/../kernel/sysrq", "1"), []string{"/linux/sysctl/net~1..~1kernel~1sysrq: is not the name of a sysctl"}},
		{"I11 no network namespace", without(specs.NetworkNamespace, "net.ipv4.ip_forward"),
			[]string{`/linux/sysctl/net.ipv4.ip_forward: needs a namespace of type network; add {"type": "network"} to /linux/namespaces`}},
		{"I11 no ipc namespace", without(specs.IPCNamespace, "fs.mqueue.msg_max"),
			[]string{`/linux/sysctl/fs.mqueue.msg_max: needs a namespace of type ipc; add {"type": "ipc"} to /linux/namespaces`}},
		{"I11 no uts namespace", without(specs.UTSNamespace, "kernel.domainname"),
			[]string{`/linux/sysctl/kernel.domainname: needs a namespace of type uts; add {"type": "uts"} to /linux/namespaces`}},
		{"I11 no user namespace", set("user.max_user_namespaces", "1"),
			[]string{`/linux/sysctl/user.max_user_namespaces: needs a namespace of type user; add {"type": "user"} to /linux/namespaces`}},
		{"I11 kernel.hostname", set("kernel.hostname", "x"),
			[]string{"/linux/sysctl/kernel.hostname: conflicts with the hostname of the container; use /hostname"}},
		{"I11 two domain names", func(s *specs.Spec) {
			set("kernel.domainname", "x")(s)
			s.Domainname = "y"
		}, []string{"/linux/sysctl/kernel.domainname: conflicts with /domainname; use one of the two"}},
		{"I12 one sysctl, two names", set("net.a.b", "1", "net/a/b", "2"), []string{"/linux/sysctl/net~1a~1b: is the same sysctl as net.a.b"}},
		{"NUL", set("net.a", "\x00"), []string{`/linux/sysctl/net.a: "\x00": contains a NUL byte`}},
	})
}
