package hostcheck

import (
	"maps"
	"slices"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// limits names every controller that a limit needs and the host has not.
func (c *checker) limits() {
	r := c.linux.Resources
	if r == nil {
		return
	}
	at := func(parts ...any) string { return fault.Ptr(append([]any{"linux", "resources"}, parts...)...) }
	if m := r.Memory; m != nil && (m.Limit != nil || m.Reservation != nil || m.Swap != nil) {
		c.controller(at("memory"), "memory")
	}
	if p := r.CPU; p != nil {
		if p.Shares != nil || p.Quota != nil || p.Period != nil || p.Burst != nil || p.Idle != nil {
			c.controller(at("cpu"), "cpu")
		}
		if p.Cpus != "" || p.Mems != "" {
			c.controller(at("cpu"), "cpuset")
		}
	}
	if r.Pids != nil {
		c.controller(at("pids"), "pids")
	}
	if b := r.BlockIO; b != nil {
		c.controller(at("blockIO"), c.either("io", "blkio"))
	}
	for i, h := range r.HugepageLimits {
		c.controller(at("hugepageLimits", i), "hugetlb")
		if !c.f.HugePageSizes[h.Pagesize] {
			f := c.add(at("hugepageLimits", i, "pageSize"), fault.Text("the kernel has no huge pages of this size"))
			f.Path, f.Hint = h.Pagesize, "it has "+strings.Join(slices.Sorted(maps.Keys(c.f.HugePageSizes)), ", ")
		}
	}
	if len(r.Rdma) > 0 {
		c.controller(at("rdma"), "rdma")
	}
	if n := r.Network; n != nil {
		if n.ClassID != nil {
			c.controller(at("network", "classID"), "net_cls")
		}
		if len(n.Priorities) > 0 {
			c.controller(at("network", "priorities"), "net_prio")
		}
	}
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		c.unified(at("unified", file), file)
	}
}

// unified takes the controller from the file's name, "memory.high"; files of cgroup itself need none.
func (c *checker) unified(at, file string) {
	name, _, _ := strings.Cut(file, ".")
	if name != "cgroup" && !c.f.Unified[name] {
		c.add(at, fault.Text("cgroup v2 has no "+name+" controller on this host"))
	}
}

// either is the name that a controller has on this host: v2 renamed some.
func (c *checker) either(v2, v1 string) string {
	if c.f.Controllers[v1] {
		return v1
	}
	return v2
}

func (c *checker) controller(at, name string) {
	if c.f.Controllers[name] {
		return
	}
	f := c.add(at, fault.Text("the host has no "+name+" controller"))
	f.Hint = "remove the limit, or enable the controller in the kernel and in every cgroup above the container's"
}
