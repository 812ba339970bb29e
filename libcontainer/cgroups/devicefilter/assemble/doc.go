// Package assemble turns a policy of package devicefilter into a BPF program of type BPF_PROG_TYPE_CGROUP_DEVICE.
//
// It is pure: it neither loads programs nor opens files, and what rules mean is decided by devicefilter. It is the only
// importer of cilium/ebpf, and only of its assembler. That module initialises two dozen packages, a quarter of a
// millisecond at every start, which is why the helper program links this package and the main binary does not, unless it is
// built without a helper (internal/helper).
package assemble
