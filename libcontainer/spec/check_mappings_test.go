package spec

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// G8 G9: what the kernel takes, in one entry and in many, and what it does not.
func TestValidateMappings(t *testing.T) {
	user := func(path string, uids, gids []specs.LinuxIDMapping) func(*specs.Spec) {
		return func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace, Path: path})
			s.Linux.UIDMappings, s.Linux.GIDMappings = uids, gids
		}
	}
	m := func(n ...uint32) (list []specs.LinuxIDMapping) {
		for i := 0; i < len(n); i += 3 {
			list = append(list, specs.LinuxIDMapping{ContainerID: n[i], HostID: n[i+1], Size: n[i+2]})
		}
		return list
	}
	many := func(count uint32) (list []specs.LinuxIDMapping) {
		for i := range count {
			list = append(list, specs.LinuxIDMapping{ContainerID: i, HostID: 1000 + 2*i, Size: 1})
		}
		return list
	}
	one := m(0, 1000, 1)
	runProblemTests(t, []problemTest{
		{"G9 one", user("", one, one), nil},
		{"G9 everything", user("", m(0, 0, 1<<32-1), one), nil},
		{"G9 root not first", user("", m(1, 5000, 10, 0, 1000, 1), one), nil},
		{"G9 340 lines", user("", many(340), one), nil},
		{"G9 341 lines", user("", many(341), one), []string{"/linux/uidMappings: has more lines than the kernel takes, which are 340"}},
		{"G8 none", user("", nil, nil), []string{
			"/linux/gidMappings: is missing, and a new user namespace maps nothing by itself",
			"/linux/uidMappings: is missing, and a new user namespace maps nothing by itself",
		}},
		{"G8 only one", user("", one, nil), []string{"/linux/gidMappings: is missing, and a new user namespace maps nothing by itself"}},
		{"G9 without root", user("", one, m(1, 1000, 1)), []string{
			"/linux/gidMappings: does not map id 0 of the container, as which it is set up; begin an entry with containerID 0",
		}},
		{"G9 sizes", user("", m(0, 1, 0), m(0, 4294967290, 6)), []string{
			"/linux/gidMappings/0/size: leads past the last id, 4294967294",
			"/linux/uidMappings/0/size: must be at least 1",
		}},
		{"G9 overlap inside", user("", m(0, 1000, 10, 9, 5000, 1), one), []string{"/linux/uidMappings/1: overlaps with an earlier entry"}},
		{"G9 overlap on the host", user("", m(0, 1000, 10, 10, 1009, 1), one), []string{"/linux/uidMappings/1: overlaps with an earlier entry"}},
		{"G5 G7 joined, without", user("/proc/1/ns/user", nil, nil), nil},
		{"G7 joined, with", user("/proc/1/ns/user", one, one), nil},
		{"G9 no user namespace", func(s *specs.Spec) { s.Linux.UIDMappings = one }, []string{
			`/linux/uidMappings: needs a namespace of type user; add {"type": "user"} to /linux/namespaces`,
		}},
	})
}
