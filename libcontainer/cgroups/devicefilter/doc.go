// Package devicefilter turns the device rules of a configuration into a policy, and that into what the kernel enforces:
// lines for devices.allow and devices.deny for cgroup v1, or for cgroup v2 a BPF program, which package assemble makes.
//
// It is pure: it neither loads programs nor opens files.
//
// # What a list of rules means
//
// Config-linux.md wants the entries applied in the listed order and says nothing about what holds before the first one.
// This package decides as follows; a test holds each line.
//
//  1. Before the first entry nothing is allowed (as in runc, with or without entries).
//  2. An entry for all types, all numbers and all of r, w and m starts anew: everything before it is forgotten, and its
//     verdict holds for whatever no later entry mentions. This is how devices cgroups of v1 treat the type "a".
//  3. Directly after the last such entry, or before the first entry if there is none, the default devices are allowed
//     (see DefaultRules), unless everything is allowed anyway. The usual `[{"allow": false, "access": "rwm"}]` therefore
//     leaves /dev/null usable, as runc and crun do, and an explicit later denial of a default device is honoured, as the
//     specification asks (runc overrules it).
//  4. Of all later entries that match a device, the last one that mentions a kind of access decides on it. A request for
//     several kinds at once (O_RDWR) is granted if each of them is. So an entry may deny a part of what an earlier one
//     allows, and the other way round.
package devicefilter
