// Package safepath opens and creates paths inside a root directory that somebody else controls: a container image, a
// volume that another container writes to at the same time.
//
// It owns resolution and the private procfs. It knows no mounts, devices or other container words, and returns the bare
// errno: callers know what the path was for.
//
// S1. The kernel resolves, in one call: openat2(2) with RESOLVE_IN_ROOT (Linux 5.6). Symbolic links, absolute or with "..",
// mean what they mean inside the container; links of /proc that lead to open files are refused (RESOLVE_NO_MAGICLINKS).
// There is no emulation for older kernels: it would be the weakest part and the least tested.
//
// S2. The result is a descriptor, and work goes on with the descriptor. A path is never resolved, checked and then used
// again as text (CVE-2021-30465).
//
// S3. What is missing is created one component at a time, each relative to the descriptor of its parent and never through
// a symbolic link. The result is then opened anew by S1, so a directory that was moved away meanwhile is not what the
// caller gets (CVE-2024-45310). An attacker who moves a directory at the right moment can make us create an empty one
// where he has put it, which is a place where he can create directories himself.
//
// S4. Every descriptor is close-on-exec. Those returned belong to the caller.
package safepath
