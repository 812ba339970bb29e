package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

// seccomp checks the parts of a profile that contradict each other. Actions, operators and architectures are looked up,
// and unknown ones refused, by package seccomp when it compiles the profile.
func (c *checker) seccomp(s *specs.LinuxSeccomp) {
	c.require(s.DefaultAction != "", "linux", "seccomp", "defaultAction")
	if s.DefaultErrnoRet != nil && !hasErrno(s.DefaultAction) {
		c.errnoRefused(s.DefaultAction, "linux", "seccomp", "defaultErrnoRet")
	}
	if s.ListenerMetadata != "" && s.ListenerPath == "" {
		c.add("must not be set without listenerPath", "linux", "seccomp", "listenerMetadata")
	}
	if s.DefaultAction == specs.ActNotify {
		c.add("would stop the runtime at its own system calls", "linux", "seccomp", "defaultAction")
	}
	for i, rule := range s.Syscalls {
		c.require(rule.Action != "", "linux", "seccomp", "syscalls", i, "action")
		if len(rule.Names) == 0 {
			c.add("must contain at least one name", "linux", "seccomp", "syscalls", i, "names")
		}
		if rule.ErrnoRet != nil && !hasErrno(rule.Action) {
			c.errnoRefused(rule.Action, "linux", "seccomp", "syscalls", i, "errnoRet")
		}
	}
}

// hasErrno tells which actions carry a number: config-linux.md, "errnoRet".
func hasErrno(action specs.LinuxSeccompAction) bool {
	return action == specs.ActErrno || action == specs.ActTrace
}

func (c *checker) errnoRefused(action specs.LinuxSeccompAction, at ...any) {
	c.add("has no meaning with "+string(action), at...).Hint = "remove it, or use SCMP_ACT_ERRNO"
}
