package plan

import (
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// F33 F34 F35: which mappings a mount gets.
func TestIDMap(t *testing.T) {
	maps := func(numbers ...uint32) (list []specs.LinuxIDMapping) {
		for i := 0; i < len(numbers); i += 3 {
			list = append(list, specs.LinuxIDMapping{ContainerID: numbers[i], HostID: numbers[i+1], Size: numbers[i+2]})
		}
		return list
	}
	container := maps(0, 100000, 1000)
	for _, row := range []struct {
		name       string
		options    []string
		uids, gids []specs.LinuxIDMapping
		userns     bool
		want       []IDMap
		problem    string
	}{
		{name: "none"},
		{name: "container's", options: []string{"idmap"}, userns: true, want: []IDMap{{}}},
		{name: "with those below", options: []string{"ridmap"}, userns: true, want: []IDMap{{Recursive: true}}},
		{name: "of its own", options: []string{"idmap"}, uids: maps(0, 1, 2), gids: maps(0, 3, 4), want: []IDMap{{UIDs: maps(0, 1, 2), GIDs: maps(0, 3, 4)}}},
		{name: "without the word", uids: maps(0, 1, 2), gids: maps(0, 3, 4), want: []IDMap{{UIDs: maps(0, 1, 2), GIDs: maps(0, 3, 4)}}},
		{name: "text", options: []string{"idmap=uids=0-1000-10#10-2000-5;gids=0-7-1"}, want: []IDMap{{UIDs: maps(0, 1000, 10, 10, 2000, 5), GIDs: maps(0, 7, 1)}}},
		{name: "relative text", options: []string{"ridmap=uids=@0-500-10;gids=0-0-1"}, userns: true, want: []IDMap{{UIDs: maps(0, 100500, 10), GIDs: maps(0, 0, 1), Recursive: true}}},
		{name: "nothing to map by", options: []string{"idmap"}, problem: "needs mappings"},
		{name: "uids alone", options: []string{"idmap=uids=0-1-2"}, problem: "needs both"},
		{name: "other word", options: []string{"idmap=users=0-1-2"}, problem: "other than uids and gids"},
		{name: "two numbers", options: []string{"idmap=uids=0-1;gids=0-1-1"}, problem: "a mapping that is none"},
		{name: "size 0", options: []string{"idmap=uids=0-1-0;gids=0-1-1"}, problem: "a mapping that is none"},
		{name: "relative to nothing", options: []string{"idmap=uids=@0-1-1;gids=0-1-1"}, problem: "a mapping that is none"},
		{name: "beyond the container's", options: []string{"idmap=uids=@0-999-2;gids=0-1-1"}, userns: true, problem: "a mapping that is none"},
	} {
		in := &Input{ID: "c1", Bundle: "/b", Spec: &specs.Spec{
			Root:   &specs.Root{Path: "r"},
			Mounts: []specs.Mount{{Destination: "/d", Source: "/s", Type: "bind", Options: row.options, UIDMappings: row.uids, GIDMappings: row.gids}},
			Linux:  &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.MountNamespace}}},
		}}
		if row.userns {
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			in.Spec.Linux.UIDMappings, in.Spec.Linux.GIDMappings = container, container
		}
		p, err := Compile(in)
		if row.problem != "" {
			if err == nil || !strings.Contains(err.Error(), row.problem) {
				t.Errorf("%s: %v, want %q", row.name, err, row.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		for i := range p.IDMaps {
			if p.IDMaps[i].Mount == nil || p.IDMaps[i].Pointer != "/mounts/0" {
				t.Errorf("%s: %+v", row.name, p.IDMaps[i])
			}
			p.IDMaps[i].Mount, p.IDMaps[i].Pointer = nil, ""
		}
		if !reflect.DeepEqual(p.IDMaps, row.want) {
			t.Errorf("%s: %+v, want %+v", row.name, p.IDMaps, row.want)
		}
	}
}
