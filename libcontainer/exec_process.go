package libcontainer

import (
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/capabilities"
	"github.com/tare-run/tare/libcontainer/spec"
)

// ProcessFlags say what exec shall execute: the process of a file, or the container's own with other arguments. All else
// changes that; a zero field changes nothing.
type ProcessFlags struct {
	File           string // with a process as JSON
	Args           []string
	Cwd            string
	Env            []string // each NAME=VALUE is added, and replaces what has the name
	User           string   // UID or UID:GID
	AdditionalGids []uint32
	Caps           []string
	NoNewPrivs     bool
	Tty            bool
	ProcessLabel   string // SELinux
	Apparmor       string
}

// loadProcess puts the process to execute into the container's configuration, as it was created: what has become of the
// bundle since does not matter (config.md, "later edits").
func (x *execution) loadProcess() (err error) {
	if x.spec, err = savedSpec(x.dir); err != nil {
		return err
	}
	p := &x.o.Process
	if p.File != "" {
		if x.spec.Process, err = processOf(p.File); err != nil {
			return err
		}
		x.file = p.File
	} else if x.spec.Process == nil {
		x.spec.Process = &specs.Process{Cwd: "/"}
	}
	if p.File == "" {
		x.spec.Process.Terminal = false // of the container's first process
		x.spec.Process.ConsoleSize = nil
	}
	if err := p.change(x.spec.Process); err != nil {
		return err
	}
	for _, problem := range spec.ValidateProcess(x.spec.Process) {
		return problem
	}
	if err := checkAgent(x.spec); err != nil {
		return err
	}
	return checkTerminal(x.spec.Process.Terminal, x.o.ConsoleSocket, x.o.Detach)
}

func processOf(file string) (*specs.Process, error) {
	text, err := readConfig(file)
	if err != nil {
		return nil, &fault.Error{Op: "open", Path: file, Err: err}
	}
	return spec.LoadProcess(text, file)
}

// change applies the flags.
func (f *ProcessFlags) change(p *specs.Process) error {
	if len(f.Args) > 0 {
		p.Args = f.Args
	}
	if f.Cwd != "" {
		if f.Cwd[0] != '/' {
			return &fault.Error{Op: "--cwd", Path: f.Cwd, Err: fault.Text("is not an absolute path")}
		}
		p.Cwd = f.Cwd
	}
	for _, e := range f.Env {
		if strings.IndexByte(e, '=') < 1 {
			return &fault.Error{Op: "--env", Path: e, Err: fault.Text("is not NAME=VALUE")}
		}
	}
	p.Env = append(p.Env, f.Env...)
	if f.User != "" {
		if err := setUser(&p.User, f.User); err != nil {
			return err
		}
	}
	p.User.AdditionalGids = append(p.User.AdditionalGids, f.AdditionalGids...)
	p.NoNewPrivileges = p.NoNewPrivileges || f.NoNewPrivs
	p.Terminal = p.Terminal || f.Tty
	if f.ProcessLabel != "" {
		p.SelinuxLabel = f.ProcessLabel
	}
	if f.Apparmor != "" {
		p.ApparmorProfile = f.Apparmor
	}
	return addCaps(p, f.Caps)
}

// setUser reads UID or UID:GID, decimal numbers and nothing else: a name that a lenient reader takes for a number, or
// a number cut short, would be another user (CVE-2026-30892). A file of the image is never asked (CVE-2016-3697).
func setUser(u *specs.User, text string) error {
	uid, gid, hasGID := strings.Cut(text, ":")
	var ok bool
	if u.UID, ok = parseID(uid); ok && hasGID {
		u.GID, ok = parseID(gid)
	}
	if !ok {
		return &fault.Error{Op: "--user", Path: text, Err: fault.Text("is not UID or UID:GID"), Hint: "ids are decimal numbers from 0 to 4294967294"}
	}
	return nil
}

// parseID reads an id. The largest number of 32 bits is none: it means "leave unchanged" to setresuid(2).
func parseID(text string) (uint32, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" { // ParseUint would take a plus sign
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return uint32(n), err == nil && n != 1<<32-1
}

// addCaps adds capabilities to what the process may have. Never to those that it hands on: a file of the image could turn
// an inheritable capability into a permitted one (CVE-2022-29162). Ambient are those only that are inheritable already. A
// process without the object keeps all, so there is nothing to add.
func addCaps(p *specs.Process, names []string) error {
	sets := p.Capabilities
	for _, name := range names {
		full := strings.ToUpper(name)
		if !strings.HasPrefix(full, "CAP_") {
			full = "CAP_" + full
		}
		if _, ok := capabilities.Parse(full); !ok {
			return &fault.Error{Op: "--cap", Path: name, Err: fault.Text("is not a capability")}
		}
		if sets == nil {
			continue
		}
		for _, set := range []*[]string{&sets.Bounding, &sets.Effective, &sets.Permitted} {
			addName(set, full)
		}
		if slices.Contains(sets.Inheritable, full) {
			addName(&sets.Ambient, full)
		}
	}
	return nil
}

func addName(set *[]string, name string) {
	if !slices.Contains(*set, name) {
		*set = append(*set, name)
	}
}
