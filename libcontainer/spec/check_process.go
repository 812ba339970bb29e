package spec

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func (c *checker) process(p *specs.Process) {
	c.absolute(p.Cwd, "process", "cwd")
	if len(p.Args) == 0 {
		c.add("is empty, want the program and its arguments", "process", "args")
	}
	c.noNULs(p.Args, "process", "args")
	c.env(p.Env)
	c.user(p.User)
	c.rlimits(p.Rlimits)
	if p.Terminal && p.ConsoleSize != nil { // without a terminal the size MUST be ignored
		if p.ConsoleSize.Height > maxConsole || p.ConsoleSize.Width > maxConsole {
			c.add("is larger than 65535", "process", "consoleSize")
		}
	}
	if adj := p.OOMScoreAdj; adj != nil && (*adj < -1000 || *adj > 1000) {
		c.add("must be from -1000 to 1000", "process", "oomScoreAdj")
	}
	c.scheduler(p.Scheduler)
	c.ioPriority(p.IOPriority)
	if a := p.ExecCPUAffinity; a != nil { // for exec only, but wrong is wrong
		c.cpuList(a.Initial, "process", "execCPUAffinity", "initial")
		c.cpuList(a.Final, "process", "execCPUAffinity", "final")
	}
}

// maxConsole is what the fields of struct winsize hold (ioctl_tty(2)).
const maxConsole = 1<<16 - 1

func (c *checker) env(env []string) {
	for i, e := range env {
		switch strings.IndexByte(e, '=') {
		case -1:
			c.add(`has no "="`, "process", "env", i).Path = e
		case 0:
			c.add(`has no name before "="`, "process", "env", i).Path = e
		}
		c.noNUL(e, "process", "env", i)
	}
}

func (c *checker) user(u specs.User) {
	c.id(u.UID, "process", "user", "uid")
	c.id(u.GID, "process", "user", "gid")
	for i, gid := range u.AdditionalGids {
		c.id(gid, "process", "user", "additionalGids", i)
	}
	if u.Umask != nil && *u.Umask > 0o777 {
		c.add("is larger than 511, which is octal 777", "process", "user", "umask").Hint = "the number is decimal: 18 is octal 022"
	}
}

func (c *checker) rlimits(limits []specs.POSIXRlimit) {
	for i, l := range limits {
		if !knownRlimit(l.Type) {
			c.add("is not a resource limit", "process", "rlimits", i, "type").Path = l.Type
		}
		sameType := func(o specs.POSIXRlimit) bool { return o.Type == l.Type }
		if slices.ContainsFunc(limits[:i], sameType) {
			c.add("is listed twice", "process", "rlimits", i, "type").Path = l.Type
		}
		if l.Soft > l.Hard {
			c.add("is above the hard limit", "process", "rlimits", i, "soft")
		}
	}
}

// knownRlimit lists the resources of getrlimit(2).
func knownRlimit(name string) bool {
	switch name {
	case "RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_LOCKS", "RLIMIT_MEMLOCK",
		"RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
		"RLIMIT_SIGPENDING", "RLIMIT_STACK":
		return true
	}
	return false
}
