package resources

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Patch is a change of /linux/resources.
type Patch struct {
	Set     *specs.LinuxResources // what has a value
	Removed []string              // pointers, below /linux/resources, of what is null: "/memory/limit", "/cpu"
}

// Add puts a later patch on top of this one.
func (p *Patch) Add(later Patch) {
	set := withSections(p.Set)
	for _, pointer := range later.Removed {
		remove(set, pointer)
	}
	p.Set = merge(set, later.Set)
	p.Removed = append(p.Removed, later.Removed...)
}

// Apply returns what base becomes. The device rules stay those of base.
func (p *Patch) Apply(base *specs.LinuxResources) *specs.LinuxResources {
	after := withSections(base)
	for _, pointer := range p.Removed {
		remove(after, pointer)
	}
	after = merge(after, p.Set)
	set := withSections(p.Set).Memory
	lifted := number(set.Limit) == unlimited || number(set.Limit) == 0 && p.removes("/memory/limit")
	if lifted && number(set.Swap) == 0 {
		after.Memory.Swap = nil // memory without a limit, and memory and swap together with one, contradict each other
	}
	after.Devices = base.Devices
	dropEmpty(after)
	return after
}

// removes says whether the patch removes a limit.
func (p *Patch) removes(pointer string) bool {
	return slices.ContainsFunc(p.Removed, func(removed string) bool { return below(pointer, removed) })
}

// Changes returns what has to be written: values, and the pointers of what must be reset to what a new cgroup has, because
// no value of the specification says so. after is the result of Apply.
func (p *Patch) Changes(base, after *specs.LinuxResources) (set *specs.LinuxResources, reset []string) {
	before, set := withSections(base), withSections(nil)
	for _, pointer := range p.Removed {
		for _, m := range members() {
			switch {
			case !m.meant(pointer):
			case below(m.pointer, pointer) && m.pointer != pointer && !m.given(before): // a whole section goes
			case m.lift != nil:
				m.lift(set, before, pointer)
			default:
				reset = append(reset, m.reset(before, pointer)...)
			}
		}
	}
	set = merge(set, p.Set)
	if kills := set.Memory.DisableOOMKiller; kills != nil && !*kills && isTrue(before.Memory.DisableOOMKiller) {
		reset = append(reset, "/memory/disableOOMKiller") // false is what a new cgroup has, so nobody would write it
	}
	completeMemory(set.Memory, withSections(after).Memory)
	return set, reset
}

// completeMemory adds what the new values need beside them: memory.swap of the specification is memory and swap together,
// so either of the two needs the other; and config.json may have asked for checkBeforeUpdate.
func completeMemory(set, after *specs.LinuxMemory) {
	limit, swap := number(set.Limit), number(set.Swap)
	if limit == 0 && swap == 0 {
		return
	}
	if limit == 0 && swap != unlimited {
		set.Limit = after.Limit
	}
	if swap == 0 && limit != unlimited {
		set.Swap = after.Swap
	}
	if set.CheckBeforeUpdate == nil {
		set.CheckBeforeUpdate = after.CheckBeforeUpdate
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

func number(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

// below says whether a pointer is that of another member or of something inside it.
func below(pointer, other string) bool {
	return pointer == other || strings.HasPrefix(pointer, other+"/")
}

// withSections returns a copy whose sections are there, so that members can be reached without a look; nil is empty.
func withSections(r *specs.LinuxResources) *specs.LinuxResources {
	full := specs.LinuxResources{}
	if r != nil {
		full = *r
	}
	full.Memory = copyOf(full.Memory)
	full.CPU = copyOf(full.CPU)
	full.Pids = copyOf(full.Pids)
	full.BlockIO = copyOf(full.BlockIO)
	full.Network = copyOf(full.Network)
	return &full
}

// dropEmpty undoes withSections where a section has stayed empty.
func dropEmpty(r *specs.LinuxResources) {
	if *r.Memory == (specs.LinuxMemory{}) {
		r.Memory = nil
	}
	if *r.CPU == (specs.LinuxCPU{}) {
		r.CPU = nil
	}
	if *r.Pids == (specs.LinuxPids{}) {
		r.Pids = nil
	}
	if b := r.BlockIO; b.Weight == nil && b.LeafWeight == nil && len(b.WeightDevice)+len(b.ThrottleReadBpsDevice)+
		len(b.ThrottleWriteBpsDevice)+len(b.ThrottleReadIOPSDevice)+len(b.ThrottleWriteIOPSDevice) == 0 {
		r.BlockIO = nil
	}
	if n := r.Network; n.ClassID == nil && len(n.Priorities) == 0 {
		r.Network = nil
	}
}

// copyOf returns a copy of what a pointer points to, or a zero value.
func copyOf[T any](p *T) *T {
	v := new(T)
	if p != nil {
		*v = *p
	}
	return v
}

// merge puts the limits that from has into to, which has its sections.
func merge(to, from *specs.LinuxResources) *specs.LinuxResources {
	from = withSections(from)
	for _, m := range members() {
		if m.given(from) {
			m.merge(to, from)
		}
	}
	return to
}

// remove takes away the limit at a pointer, or all limits below it.
func remove(r *specs.LinuxResources, pointer string) {
	for _, m := range members() {
		if m.meant(pointer) {
			m.remove(r, pointer)
		}
	}
}
