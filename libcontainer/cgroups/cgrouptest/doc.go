// Package cgrouptest is the one suite of tests that every way of managing cgroups has to pass: pure v2, hybrid, v1, and
// any further driver. It is used by tests only and owns no expectation that is special to one of them.
//
// A test binary that runs the suite calls Helper first thing in TestMain: the suite runs the binary again as the process
// inside the cgroup.
package cgrouptest
