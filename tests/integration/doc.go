// Package integration drives the real binary with real kernel objects: containers, cgroups, mounts, terminals. It has one
// file for each verb or section of the specification; the names and comments of its tests cite the rows of the feature
// checklist (C15, E29, H17) and the CVEs they stand for.
//
// The tests know the binary from outside only: arguments, exit status, output, files, and what the kernel says about the
// container. Whatever a test does, at its end no process, mount, cgroup or state directory may be left (leak_test.go).
//
// TARE_BINARY names the binary to test; without it the tests run make first. They need root, and busybox linked statically.
// TARE_TEST_STRICT=1 makes a failure of every skip.
package integration
