package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

func resources(d *decoder, v *specs.LinuxResources) {
	object(d, func(name string) {
		switch name {
		case "devices":
			list(d, &v.Devices, deviceRule)
		case "memory":
			pointer(d, &v.Memory, memory)
		case "cpu":
			pointer(d, &v.CPU, cpu)
		case "pids":
			pointer(d, &v.Pids, pids)
		case "blockIO":
			pointer(d, &v.BlockIO, blockIO)
		case "hugepageLimits":
			list(d, &v.HugepageLimits, hugepageLimit)
		case "network":
			pointer(d, &v.Network, network)
		case "rdma":
			table(d, &v.Rdma, rdma)
		case "unified":
			table(d, &v.Unified, text)
		default:
			d.skip()
		}
	})
}

func deviceRule(d *decoder, v *specs.LinuxDeviceCgroup) {
	object(d, func(name string) {
		switch name {
		case "allow":
			boolean(d, &v.Allow)
		case "type":
			text(d, &v.Type)
		case "major":
			pointer(d, &v.Major, signed)
		case "minor":
			pointer(d, &v.Minor, signed)
		case "access":
			text(d, &v.Access)
		default:
			d.skip()
		}
	})
}

func memory(d *decoder, v *specs.LinuxMemory) {
	object(d, func(name string) {
		switch name {
		case "limit":
			pointer(d, &v.Limit, signed)
		case "reservation":
			pointer(d, &v.Reservation, signed)
		case "swap":
			pointer(d, &v.Swap, signed)
		case "kernel":
			pointer(d, &v.Kernel, signed)
		case "kernelTCP":
			pointer(d, &v.KernelTCP, signed)
		case "swappiness":
			pointer(d, &v.Swappiness, unsigned)
		case "disableOOMKiller":
			pointer(d, &v.DisableOOMKiller, boolean)
		case "useHierarchy":
			pointer(d, &v.UseHierarchy, boolean)
		case "checkBeforeUpdate":
			pointer(d, &v.CheckBeforeUpdate, boolean)
		default:
			d.skip()
		}
	})
}

func cpu(d *decoder, v *specs.LinuxCPU) {
	object(d, func(name string) {
		switch name {
		case "shares":
			pointer(d, &v.Shares, unsigned)
		case "quota":
			pointer(d, &v.Quota, signed)
		case "burst":
			pointer(d, &v.Burst, unsigned)
		case "period":
			pointer(d, &v.Period, unsigned)
		case "realtimeRuntime":
			pointer(d, &v.RealtimeRuntime, signed)
		case "realtimePeriod":
			pointer(d, &v.RealtimePeriod, unsigned)
		case "cpus":
			text(d, &v.Cpus)
		case "mems":
			text(d, &v.Mems)
		case "idle":
			pointer(d, &v.Idle, signed)
		default:
			d.skip()
		}
	})
}

func pids(d *decoder, v *specs.LinuxPids) {
	object(d, func(name string) {
		switch name {
		case "limit":
			pointer(d, &v.Limit, signed)
		default:
			d.skip()
		}
	})
}

func hugepageLimit(d *decoder, v *specs.LinuxHugepageLimit) {
	object(d, func(name string) {
		switch name {
		case "pageSize":
			text(d, &v.Pagesize)
		case "limit":
			unsigned(d, &v.Limit)
		default:
			d.skip()
		}
	})
}

func network(d *decoder, v *specs.LinuxNetwork) {
	object(d, func(name string) {
		switch name {
		case "classID":
			pointer(d, &v.ClassID, unsigned)
		case "priorities":
			list(d, &v.Priorities, interfacePriority)
		default:
			d.skip()
		}
	})
}

func interfacePriority(d *decoder, v *specs.LinuxInterfacePriority) {
	object(d, func(name string) {
		switch name {
		case "name":
			text(d, &v.Name)
		case "priority":
			unsigned(d, &v.Priority)
		default:
			d.skip()
		}
	})
}

func rdma(d *decoder, v *specs.LinuxRdma) {
	object(d, func(name string) {
		switch name {
		case "hcaHandles":
			pointer(d, &v.HcaHandles, unsigned)
		case "hcaObjects":
			pointer(d, &v.HcaObjects, unsigned)
		default:
			d.skip()
		}
	})
}
