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
	if s.ListenerPath != "" {
		c.absolute(s.ListenerPath, "linux", "seccomp", "listenerPath")
	}
	c.notify(s, s.DefaultAction, "linux", "seccomp", "defaultAction")
	for i, rule := range s.Syscalls {
		c.notify(s, rule.Action, "linux", "seccomp", "syscalls", i, "action")
		c.require(rule.Action != "", "linux", "seccomp", "syscalls", i, "action")
		if len(rule.Names) == 0 {
			c.add("must contain at least one name", "linux", "seccomp", "syscalls", i, "names")
		}
		if rule.ErrnoRet != nil && !hasErrno(rule.Action) {
			c.errnoRefused(rule.Action, "linux", "seccomp", "syscalls", i, "errnoRet")
		}
	}
}

// notify refuses a system call that waits for an answer which nobody gives. Any call may be asked about, also by default: init
// makes none between the loading of the filter and the moment when the agent has its listener.
func (c *checker) notify(s *specs.LinuxSeccomp, action specs.LinuxSeccompAction, at ...any) {
	if action == specs.ActNotify && s.ListenerPath == "" {
		c.add("needs listenerPath", at...).Hint = "it is the socket of the agent that answers"
	}
}

// hasErrno tells which actions carry a number: config-linux.md, "errnoRet".
func hasErrno(action specs.LinuxSeccompAction) bool {
	return action == specs.ActErrno || action == specs.ActTrace
}

func (c *checker) errnoRefused(action specs.LinuxSeccompAction, at ...any) {
	c.add("has no meaning with "+string(action), at...).Hint = "remove it, or use SCMP_ACT_ERRNO"
}
