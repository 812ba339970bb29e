package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

func linux(d *decoder, v *specs.Linux) {
	object(d, func(name string) {
		switch name {
		case "uidMappings":
			list(d, &v.UIDMappings, idMapping)
		case "gidMappings":
			list(d, &v.GIDMappings, idMapping)
		case "sysctl":
			table(d, &v.Sysctl, text)
		case "resources":
			pointer(d, &v.Resources, resources)
		case "cgroupsPath":
			text(d, &v.CgroupsPath)
		case "namespaces":
			list(d, &v.Namespaces, namespace)
		case "devices":
			list(d, &v.Devices, device)
		case "netDevices":
			table(d, &v.NetDevices, netDevice)
		case "seccomp":
			pointer(d, &v.Seccomp, seccomp)
		case "rootfsPropagation":
			text(d, &v.RootfsPropagation)
		case "maskedPaths":
			texts(d, &v.MaskedPaths)
		case "readonlyPaths":
			texts(d, &v.ReadonlyPaths)
		case "mountLabel":
			text(d, &v.MountLabel)
		case "intelRdt":
			pointer(d, &v.IntelRdt, intelRdt)
		case "memoryPolicy":
			pointer(d, &v.MemoryPolicy, memoryPolicy)
		case "personality":
			pointer(d, &v.Personality, personality)
		case "timeOffsets":
			table(d, &v.TimeOffsets, timeOffset)
		default:
			d.skip()
		}
	})
}

func namespace(d *decoder, v *specs.LinuxNamespace) {
	object(d, func(name string) {
		switch name {
		case "type":
			text(d, &v.Type)
		case "path":
			text(d, &v.Path)
		default:
			d.skip()
		}
	})
}

func device(d *decoder, v *specs.LinuxDevice) {
	object(d, func(name string) {
		switch name {
		case "path":
			text(d, &v.Path)
		case "type":
			text(d, &v.Type)
		case "major":
			signed(d, &v.Major)
		case "minor":
			signed(d, &v.Minor)
		case "fileMode":
			pointer(d, &v.FileMode, unsigned)
		case "uid":
			pointer(d, &v.UID, unsigned)
		case "gid":
			pointer(d, &v.GID, unsigned)
		default:
			d.skip()
		}
	})
}

func netDevice(d *decoder, v *specs.LinuxNetDevice) {
	object(d, func(name string) {
		switch name {
		case "name":
			text(d, &v.Name)
		default:
			d.skip()
		}
	})
}

func intelRdt(d *decoder, v *specs.LinuxIntelRdt) {
	object(d, func(name string) {
		switch name {
		case "closID":
			text(d, &v.ClosID)
		case "schemata":
			texts(d, &v.Schemata)
		case "l3CacheSchema":
			text(d, &v.L3CacheSchema)
		case "memBwSchema":
			text(d, &v.MemBwSchema)
		case "enableMonitoring":
			boolean(d, &v.EnableMonitoring)
		default:
			d.skip()
		}
	})
}

func memoryPolicy(d *decoder, v *specs.LinuxMemoryPolicy) {
	object(d, func(name string) {
		switch name {
		case "mode":
			text(d, &v.Mode)
		case "nodes":
			text(d, &v.Nodes)
		case "flags":
			texts(d, &v.Flags)
		default:
			d.skip()
		}
	})
}

func personality(d *decoder, v *specs.LinuxPersonality) {
	object(d, func(name string) {
		switch name {
		case "domain":
			text(d, &v.Domain)
		case "flags":
			texts(d, &v.Flags)
		default:
			d.skip()
		}
	})
}

func timeOffset(d *decoder, v *specs.LinuxTimeOffset) {
	object(d, func(name string) {
		switch name {
		case "secs":
			signed(d, &v.Secs)
		case "nanosecs":
			unsigned(d, &v.Nanosecs)
		default:
			d.skip()
		}
	})
}
