package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

// KeepGroupsAnnotation is crun's; Podman sets it for --group-add keep-groups. With the value 1 every process of the container
// keeps the supplementary groups of the process that started it, and additionalGids are not set: in a user namespace that has
// no mapping for those groups, setgroups(2) could only take them away.
const KeepGroupsAnnotation = "run.oci.keep_original_groups"

// KeepsGroups says whether the configuration asks for that.
func KeepsGroups(s *specs.Spec) bool { return s.Annotations[KeepGroupsAnnotation] == "1" }
