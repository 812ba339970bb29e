// Package engines has container engines run their containers with the real binary in place of runc: Podman, Buildah,
// containerd, Docker, those of the distribution, and containerd 2, a kubelet and CRI-O, which make test-containerd, test-kubelet and test-crio build.
// What passes with the distribution's runc has to pass with tare.
//
// The engines and the tests live in a pid, mount, network and IPC namespace of their own, with /run, /var/lib and the engines'
// configuration on file systems that nobody else sees, so nothing of the host's engines is used or touched, and everything
// is gone when the tests end. Images are made by the tests; there is no network. critest, the validation suite of the CRI, pulls
// them from a registry that the tests answer for, and has pods on a bridge by the CNI's plugins. containerd's CRI is configured by what docs/engines.md says.
//
// TARE_BINARY names the binary to test; without it the tests run make first. With -all the same operations are tried with
// runc and crun too, and a table shows what became of them. crun refuses hosts with controllers on both versions of cgroups;
// there tests/cgroup2-view shows it the hierarchy that it takes. Operations that need a controller say so.
package engines
