package libcontainer

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/capabilities"
	"github.com/tare-run/tare/libcontainer/cgroups"
	"github.com/tare-run/tare/libcontainer/hostcheck"
	"github.com/tare-run/tare/libcontainer/seccomp"
	"github.com/tare-run/tare/libcontainer/spec"
	"github.com/tare-run/tare/libcontainer/userns"
)

// Problem is one thing that Check found.
type Problem struct {
	Warning bool
	Text    string // one line, as create would say it
	Error   *fault.Error
}

// severity orders problems: errors first.
func (p *Problem) severity() int {
	if p.Warning {
		return 1
	}
	return 0
}

// Check looks for everything that stands between a bundle and a container: values that are wrong, combinations that make no
// sense, and what this host lacks. It changes nothing. The error is about a bundle that cannot be judged at all, because it
// cannot be read or is not JSON.
//
// The id is the one that a container would get, because its cgroup may be named after it.
func (r *Runtime) Check(o CreateOptions) ([]Problem, error) {
	problems, err := r.check(&o)
	if err != nil {
		return nil, verb("check", "", err)
	}
	return problems, nil
}

func (r *Runtime) check(o *CreateOptions) ([]Problem, error) {
	c := &creation{Runtime: r, o: o}
	if err := c.read(); err != nil {
		return nil, err
	}
	s, findings, err := spec.Inspect(c.config)
	if err != nil {
		return nil, err
	}
	c.spec = s
	var list problems
	for _, e := range findings.Problems {
		list.add(false, e)
	}
	for _, e := range spec.Validate(s) {
		list.add(false, e)
	}
	consistent := len(list) == 0
	for _, pointer := range findings.Unknown {
		list.add(true, &fault.Error{Pointer: pointer, Err: fault.Text("is unknown and ignored"), Hint: spec.Suggest(pointer)})
	}
	if consistent { // what is compared with the host must make sense in itself
		for _, e := range spec.Warnings(s, capabilities.Parse) {
			list.add(true, e)
		}
		c.checkHost(&list)
	}
	slices.SortStableFunc(list, func(a, b Problem) int { return a.severity() - b.severity() })
	return list, nil
}

// checkHost adds what this host lacks, and then, where nothing is lacking, what would end create before its first effect.
func (c *creation) checkHost(list *problems) {
	if linux := c.spec.Linux; linux != nil && linux.Seccomp != nil { // words first: no kernel has an action that is none
		if err := seccomp.Check(linux.Seccomp); err != nil {
			list.addError(err)
		}
	}
	for _, f := range hostcheck.Check(c.spec, c.bundle, hostcheck.Gather(hierarchies())) {
		list.add(f.Warning, &f.Error)
	}
	c.checkMappings(list)
	if err := c.compile(); err != nil {
		list.addError(err)
	}
	if c.cgroup != nil {
		c.cgroup.Close()
	}
}

// checkMappings adds what keeps the caller from a user namespace with these mappings.
func (c *creation) checkMappings(list *problems) {
	l := c.spec.Linux
	if l == nil || !slices.ContainsFunc(l.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == specs.UserNamespace && n.Path == "" }) {
		return
	}
	uid, gid := userns.Missing(mappings(l.UIDMappings), mappings(l.GIDMappings))
	if uid != nil {
		list.addError(fault.At("/linux/uidMappings", uid))
	}
	if gid != nil {
		list.addError(fault.At("/linux/gidMappings", gid))
	}
}

// hierarchies are the mount points by controller; that of cgroup v2 is at "".
func hierarchies() map[string]string {
	host, err := cgroups.Detect()
	if err != nil {
		return nil
	}
	points := host.V1()
	if unified := host.Unified(); unified != "" {
		points[""] = unified
	}
	return points
}

// problems drops what says again what an earlier problem said: the place is the same, or lies inside it.
type problems []Problem

func (p *problems) add(warning bool, e *fault.Error) {
	if len(*p) >= 2*spec.MaxFindings {
		return // each is compared with all before it
	}
	inside := func(known Problem) bool {
		at := known.Error.Pointer
		return at != "" && (e.Pointer == at || strings.HasPrefix(e.Pointer, at+"/"))
	}
	if !slices.ContainsFunc(*p, inside) {
		*p = append(*p, Problem{Warning: warning, Text: e.Error(), Error: e})
	}
}

// addError adds an error of create, which may be several joined.
func (p *problems) addError(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			p.addError(e)
		}
		return
	}
	e, ok := err.(*fault.Error)
	if !ok {
		e = &fault.Error{Err: err}
	}
	p.add(false, e)
}
