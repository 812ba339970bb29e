// Package cgroups owns the cgroups of a container: it finds where each controller is mounted, makes the container's
// directories, sets limits and the device filter, lists, freezes and kills what runs inside, and removes it all.
// It spawns no process and does not know what runs in a cgroup.
//
// # One idea
//
// A controller lives in exactly one hierarchy: the unified one (cgroup v2), or one of cgroup v1. A Manager is the list of
// hierarchies with the container's path in them, and for each limit it asks where the controller is. Pure v2, hybrid and
// v1 hosts are thus one implementation; only the file names and conversions differ (packages v1 and v2, both pure).
// Freezing, killing, listing and the device filter use the unified hierarchy wherever one is mounted, and v1 otherwise.
//
// # Order of use
//
//	host, _ := Detect()
//	path, _ := host.Path(spec.Linux.CgroupsPath, id)
//	m := host.New(path)      // looks, changes nothing
//	m.Saved()                // recorded before anything exists, so that a killed create can be cleaned up
//	m.Create()
//	m.Set(resources)         // before the container's first process: it starts inside its limits
//	m.SetDevices(rules, cacheDir)
//	clone3(… CLONE_INTO_CGROUP, cgroup: m.UnifiedFd())
//	m.Add(pid, false)        // the v1 hierarchies
//	m.Close()
//
// and in later commands
//
//	m, _ := Load(saved)      // touches nothing
//	m.Freeze(timeout); m.Thaw(); m.AwaitThawed(timeout)
//	undo, err := m.Update(change)            // limits; a driver of another kind finds all of them in the change
//	m.UpdateDevices(before, after, cacheDir) // without a gap
//	m.Kill(); m.Destroy(timeout); m.Close()
//
// With systemd (Host.NewUnit, package systemd) the order is the same, but the cgroup begins with Add, which has a scope made
// around the process, and ends with its last process. Create makes nothing, and UnifiedFd is -1 until Add. Set and Update
// write control files as ever; what systemd has a property for it is told as well, because it writes these files too.
//
// # Rules
//
//   - Files are opened by a descriptor of their directory and one name, with openat2 and without following any symbolic
//     link; nothing is created or truncated that way. Names from the configuration are checked to be single components
//     (GHSA-5g49-rx9x-qfc6: `unified` keys with "../").
//   - Only directories that did not exist before are removed, and only units with our description are stopped.
//   - A limit that cannot be set is an error which names the entry of config.json, the file, and the kernel's reason.
package cgroups
