// Package v2 translates /linux/resources into the control files of cgroup v2.
//
// It owns the conversions, and is pure: package cgroups does the writing. The files are described in the kernel's
// Documentation/admin-guide/cgroup-v2.rst, the conversions in config-linux.md and crun.1.
package v2

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

// Writes returns what has to be written for the limits of one controller; nothing, if none is asked for.
func Writes(controller string, r *specs.LinuxResources) ([]limit.Write, error) {
	switch controller {
	case limit.CPU:
		return cpu(r.CPU)
	case limit.Cpuset:
		return limit.CpusetWrites(r.CPU), nil
	case limit.Memory:
		return memory(r.Memory)
	case limit.Pids:
		return limit.PidsWrites(r.Pids), nil
	case limit.IO:
		return io(r.BlockIO)
	case limit.Hugetlb:
		return limit.HugetlbWrites(r.HugepageLimits, "max")
	case limit.Rdma:
		return limit.RdmaWrites(r.Rdma)
	case limit.NetCls, limit.NetPrio:
		return nil, network(controller, r.Network)
	}
	return nil, nil
}

// network: nothing in cgroup v2 takes their place, eBPF programs apart.
func network(controller string, n *specs.LinuxNetwork) error {
	const why = "it exists in cgroup v1 only"
	switch {
	case n == nil:
	case controller == limit.NetCls && n.ClassID != nil:
		return limit.Inconvertible(why, "network", "classID")
	case controller == limit.NetPrio && len(n.Priorities) > 0:
		return limit.Inconvertible(why, "network", "priorities")
	}
	return nil
}
