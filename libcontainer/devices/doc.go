// Package devices makes device nodes, FIFOs and the fixed symbolic links of /dev inside the root.
//
// It owns what is in /dev when the container starts. It may not mount file systems, except a host's device node over an
// empty file where the kernel refuses mknod(2), and knows nothing of access rules: those belong to the cgroup.
//
// The image, or a process of another container on a shared volume, may have put anything at any of these names, /dev itself
// included. So each directory is opened inside the root first and everything is done relative to its descriptor, with calls
// that do not follow a symbolic link at the last name (CVE-2026-41579).
package devices
