// Package features owns the document that `tare features` prints (features.md of the specification).
//
// It says what this build understands and not what the host can do; only the list of seccomp flags is defined by the
// running kernel. Lists come from the tables of the packages that do the work, which is why this package may import any of
// them and nothing but package main imports it. It may not change anything or need any privilege: engines ask at start.
package features

import (
	"encoding/json"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/tare-run/tare/libcontainer/capabilities"
	"github.com/tare-run/tare/libcontainer/cgroups/systemd"
	"github.com/tare-run/tare/libcontainer/mountopt"
	"github.com/tare-run/tare/libcontainer/process"
	"github.com/tare-run/tare/libcontainer/seccomp"
	"github.com/tare-run/tare/libcontainer/spec"
)

// oldestVersion is the first release of the specification; within a major version it stays compatible.
const oldestVersion = "1.0.0"

// annotationPrefix is ours: annotations of a configuration that begin with it may change what tare does.
const annotationPrefix = "run.tare."

// Document returns the features structure as indented JSON. Version and commit are those of the program; commit may be
// empty.
func Document(version, commit string) ([]byte, error) {
	return json.MarshalIndent(structure(version, commit), "", "  ")
}

// structure writes out what is false: an absent member would mean "unknown".
func structure(version, commit string) *features.Features {
	return &features.Features{
		OCIVersionMin:                      oldestVersion,
		OCIVersionMax:                      specs.Version,
		Hooks:                              spec.HookNames(),
		MountOptions:                       mountopt.Names(),
		Linux:                              linuxStructure(),
		Annotations:                        annotations(version, commit),
		PotentiallyUnsafeConfigAnnotations: []string{annotationPrefix, systemd.AnnotationPrefix, spec.KeepGroupsAnnotation},
	}
}

// linuxStructure names what package spec refuses as disabled. A test holds the two together.
func linuxStructure() *features.Linux {
	return &features.Linux{
		Namespaces:   spec.NamespaceTypes(),
		Capabilities: capabilities.Names(),
		Cgroup: &features.Cgroup{
			V1: new(true), V2: new(true), Systemd: new(true), SystemdUser: new(true), Rdma: new(true),
		},
		Seccomp:         seccompStructure(),
		Apparmor:        &features.Apparmor{Enabled: new(true)},
		Selinux:         &features.Selinux{Enabled: new(true)},
		IntelRdt:        &features.IntelRdt{Enabled: new(true), Schemata: new(true), Monitoring: new(true)},
		MemoryPolicy:    &features.MemoryPolicy{Modes: process.MemoryPolicyModes(), Flags: process.MemoryPolicyFlags()},
		MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: new(true)}},
		NetDevices:      &features.NetDevices{Enabled: new(true)},
	}
}

func seccompStructure() *features.Seccomp {
	if !seccomp.Enabled() { // the words would be recognised, but no profile accepted
		return &features.Seccomp{Enabled: new(false)}
	}
	return &features.Seccomp{
		Enabled:        new(true),
		Actions:        seccomp.Actions(),
		Operators:      seccomp.Operators(),
		Archs:          seccomp.Archs(),
		KnownFlags:     seccomp.KnownFlags(),
		SupportedFlags: seccomp.SupportedFlags(),
	}
}

func annotations(version, commit string) map[string]string {
	a := map[string]string{annotationPrefix + "version": version}
	if commit != "" {
		a[annotationPrefix+"commit"] = commit
	}
	if library := seccomp.LibVersion(); library != "" {
		a["io.github.seccomp.libseccomp.version"] = library // the key that runc and crun use
	}
	return a
}
