package cgroups

import (
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// Path returns the path of a container's cgroup, the same below each mount point: absolute, clean, never "/".
//
//   - An absolute cgroupsPath is relative to the mount point of the hierarchy (config-linux.md).
//   - A relative one means the same as if it began with a slash, as in crun. The specification demands one place for one
//     value, so the runtime's own cgroup, under which runc puts it, cannot be part of the answer.
//   - Without cgroupsPath the path is "/ID", as in crun; for a rootless runtime it is below the runtime's own, see OwnPath.
//
// The systemd form, slice:prefix:name, means something to the systemd driver alone. Here it is a name, as in runc: containerd
// writes it whenever the parent cgroup is called *.slice, whichever driver it has the runtime use.
func (h *Host) Path(cgroupsPath, id string) (string, error) {
	if cgroupsPath == "" {
		if !isComponent(id) {
			return "", &fault.Error{Op: "container id", Path: id, Err: fault.Text("is not a name for a cgroup")}
		}
		return "/" + id, nil
	}
	return cleanPath(cgroupsPath)
}

// cleanPath refuses what could leave the hierarchy, or name its root, instead of resolving it: nobody means it.
func cleanPath(cgroupsPath string) (string, error) {
	var clean strings.Builder
	for part := range strings.SplitSeq(cgroupsPath, "/") {
		if part == "" {
			continue
		}
		if !isComponent(part) {
			return "", pathError(cgroupsPath, `"." and ".." and control characters are not allowed in it`, "")
		}
		clean.WriteByte('/')
		clean.WriteString(part)
	}
	if clean.Len() == 0 {
		return "", pathError(cgroupsPath, "is the root of the hierarchy, which cannot be limited", "name a cgroup below it")
	}
	return clean.String(), nil
}

// isComponent reports whether a string names an entry of a directory, and nothing else.
func isComponent(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 255 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c == '/' || c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

func pathError(cgroupsPath, why, hint string) error {
	return &fault.Error{
		Op: "cgroup path", Pointer: pointerPath, Path: cgroupsPath, Err: fault.Text(why), Hint: hint,
	}
}

// pointerPath is the configuration entry that decides where the cgroup is.
const pointerPath = "/linux/cgroupsPath"
