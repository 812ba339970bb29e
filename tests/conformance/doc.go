// Package conformance runs the OCI validation programs of opencontainers/runtime-tools against a runtime.
//
// It owns the recorded verdicts (expected.txt) and the reading of what the programs print. It is a module of its own, so
// that the dependencies of the programs never become dependencies of tare; the programs are tools of that module (go.mod)
// and therefore pinned by go.sum.
//
// The programs are run as their authors run them: from a directory that holds runtimetest and a root filesystem as a
// tar file, with the runtime named by RUNTIME. The root filesystem is ours: static busybox and nothing else.
package conformance
