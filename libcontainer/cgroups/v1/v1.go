// Package v1 translates /linux/resources into the control files of cgroup v1.
//
// It owns the conversions, and is pure: package cgroups does the writing. The files are described in the kernel's
// Documentation/admin-guide/cgroup-v1 and Documentation/scheduler/sched-bwc.rst.
package v1

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

// Writes returns what has to be written for the limits of one controller; nothing, if none is asked for.
func Writes(controller string, r *specs.LinuxResources) ([]limit.Write, error) {
	switch controller {
	case limit.CPU:
		return cpu(r.CPU), nil
	case limit.Cpuset:
		return limit.CpusetWrites(r.CPU), nil
	case limit.Memory:
		return memory(r.Memory)
	case limit.Pids:
		return limit.PidsWrites(r.Pids), nil
	case limit.IO:
		return blkio(r.BlockIO), nil
	case limit.Hugetlb:
		return limit.HugetlbWrites(r.HugepageLimits, "limit_in_bytes")
	case limit.Rdma:
		return limit.RdmaWrites(r.Rdma)
	case limit.NetCls:
		return netCls(r.Network), nil
	case limit.NetPrio:
		return netPrio(r.Network), nil
	}
	return nil, nil
}

func netCls(n *specs.LinuxNetwork) []limit.Write {
	if n == nil || n.ClassID == nil {
		return nil
	}
	return []limit.Write{{
		File: "net_cls.classid", Value: strconv.FormatUint(uint64(*n.ClassID), 10), Pointer: limit.Ptr("network", "classID"),
	}}
}

func netPrio(n *specs.LinuxNetwork) []limit.Write {
	if n == nil {
		return nil
	}
	var writes []limit.Write
	for i, p := range n.Priorities {
		writes = append(writes, limit.Write{
			File: "net_prio.ifpriomap", Value: p.Name + " " + strconv.FormatUint(uint64(p.Priority), 10),
			Pointer: limit.Ptr("network", "priorities", i), Hint: "is there an interface of this name?",
		})
	}
	return writes
}
