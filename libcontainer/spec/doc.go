// Package spec owns the way from the bytes of config.json to a [specs.Spec] that the rest of tare may trust, and the
// template that `tare spec` writes.
//
// Load decodes, Validate reports everything that is wrong whatever the host looks like, Warnings what is merely odd. All
// three are pure: they may not look at the kernel, the file system or the environment. What depends on the host (does
// the root exist, is the controller there) is found by package plan and by the steps themselves.
//
// The types are those of the specification's own module; there is no second schema. Loading is on the critical path of
// every verb that needs the configuration, so the decoder is a list of names and not reflection: the first decode of the
// default bundle in a fresh process costs about a fifth of what it costs by reflection. A test fills every field of the
// specification's types by reflection and compares, so a field that a new version of the module adds cannot be forgotten.
//
// The files follow the life of the document:
//
//	load.go decode*.go        bytes to Spec; wrong types and syntax
//	validate.go check_*.go    Spec to problems, one file for each section
//	unsupported.go            what this version of tare refuses; the only list of that
//	older.go                  what older versions of the specification said in other words
//	warnings.go               what is reported and otherwise let through
//	version.go sysctl.go      how a version and the name of a sysctl are read
//	template.go               the default bundle
package spec
