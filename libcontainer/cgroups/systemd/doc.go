// Package systemd asks systemd for the container's cgroup: a transient scope, with the limits as its properties.
//
// It owns what is systemd's language: unit names and where their cgroups are, properties, the text form of variants, and
// the few methods of org.freedesktop.systemd1 that it takes; the bus itself is package bus. It writes no control file and
// knows no container: package cgroups does, to which a scope is a cgroup that somebody else makes and removes.
//
// # Whose unit
//
// A unit is told from others of its name by its Description, which names the runtime root and the id: no two containers
// share these. Nothing is stopped, killed or reset without a look at it.
//
// # Deadlines
//
// Every operation ends after Timeout, or earlier if the caller says so, and its error names the unit, the job where there
// is one, and how long was waited.
package systemd
