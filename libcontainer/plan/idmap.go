package plan

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// IDMap is a mount whose files shall show other owners. The runtime makes the user namespace that says which, and maps the
// mount, or hands the namespace to init where the mount does not exist yet.
type IDMap struct {
	Mount      *step.Mount
	UIDs, GIDs []specs.LinuxIDMapping // nil: those of the container's user namespace
	Recursive  bool                   // with what is mounted below
	Pointer    string
}

// idmap plans the mapping of one mount (config.md, "Mounts": uidMappings, idmap, ridmap).
func (c *compiler) idmap(pointer string, m *specs.Mount, s *step.Mount) error {
	word, text := s.Options.IDMap, ""
	if word == "" {
		if len(m.UIDMappings) == 0 {
			return nil
		}
		word = "idmap" // mappings without the word ask for the same
	}
	word, text, _ = strings.Cut(word, "=")
	i := IDMap{Mount: s, UIDs: m.UIDMappings, GIDs: m.GIDMappings, Recursive: word == "ridmap", Pointer: pointer}
	if text != "" {
		var err error
		if i.UIDs, i.GIDs, err = c.idmapText(text); err != nil {
			return fault.At(pointer+"/options", err)
		}
	}
	if len(i.UIDs) == 0 && !c.ns.has(unix.CLONE_NEWUSER) {
		return &fault.Error{Pointer: pointer + "/options", Op: "mount option", Path: s.Options.IDMap, Err: fault.Text("needs mappings"), Hint: "add uidMappings and gidMappings, or a user namespace"}
	}
	if s.Options.Remount {
		return &fault.Error{Pointer: pointer + "/options", Op: "mount option", Path: word, Err: fault.Text("a mount that exists cannot be mapped any more")}
	}
	c.plan.IDMaps = append(c.plan.IDMaps, i)
	return nil
}

// idmapText reads the mappings that crun takes as the value of the option: "uids=0-1000-10#10-2000-5;gids=0-1000-10", as in
// /proc/PID/uid_map with other separators. A mapping behind "@" counts its second number in the container's user namespace.
func (c *compiler) idmapText(text string) (uids, gids []specs.LinuxIDMapping, err error) {
	wrong := func(why string) error {
		return &fault.Error{Op: "mount option", Path: "idmap=" + text, Err: fault.Text(why), Hint: "the form is uids=INSIDE-OUTSIDE-SIZE#...;gids=..."}
	}
	for part := range strings.SplitSeq(text, ";") {
		name, list, _ := strings.Cut(part, "=")
		all, base := &uids, c.linux().UIDMappings
		switch name {
		case "uids":
		case "gids":
			all, base = &gids, c.linux().GIDMappings
		default:
			return nil, nil, wrong("has something other than uids and gids")
		}
		for one := range strings.SplitSeq(list, "#") {
			relative := strings.HasPrefix(one, "@")
			m, ok := parseMapping(strings.TrimPrefix(one, "@"))
			if ok && relative {
				m.HostID, ok = outside(base, m.HostID, m.Size)
			}
			if !ok {
				return nil, nil, wrong("has a mapping that is none: " + strconv.Quote(one))
			}
			*all = append(*all, m)
		}
	}
	if len(uids) == 0 || len(gids) == 0 {
		return nil, nil, wrong("needs both uids and gids")
	}
	return uids, gids, nil
}

func parseMapping(text string) (m specs.LinuxIDMapping, ok bool) {
	parts := strings.Split(text, "-")
	if len(parts) != 3 {
		return m, false
	}
	for i, number := range []*uint32{&m.ContainerID, &m.HostID, &m.Size} {
		n, err := strconv.ParseUint(parts[i], 10, 32)
		if err != nil || strings.HasPrefix(parts[i], "+") {
			return m, false
		}
		*number = uint32(n)
	}
	return m, m.Size > 0
}

// outside is what a range of ids of the container's user namespace is on the host, if it is one there too.
func outside(mappings []specs.LinuxIDMapping, id, size uint32) (uint32, bool) {
	for _, m := range mappings {
		if id >= m.ContainerID && uint64(id)+uint64(size) <= uint64(m.ContainerID)+uint64(m.Size) {
			return m.HostID + (id - m.ContainerID), true
		}
	}
	return 0, false
}
