package systemd

import (
	"strconv"
	"strings"

	"github.com/tare-run/tare/internal/fault"
)

// Place is the unit that a container gets, and where.
type Place struct {
	Unit  string // "crio-1234.scope"
	Slice string // "kubepods-besteffort.slice"; "" for a unit that is a slice, whose place is in its name
	Path  string // of the cgroup, below that of the manager
}

// Where reads cgroupsPath in the form slice:prefix:name (J10). The defaults are those of runc: system.slice, or user.slice
// below the manager of a user; without cgroupsPath the unit is tare-ID.scope.
func Where(cgroupsPath, id string, user bool) (*Place, error) {
	slice, prefix, name := "", "tare", id
	if cgroupsPath != "" {
		parts := strings.Split(cgroupsPath, ":")
		if len(parts) != 3 || strings.Contains(cgroupsPath, "/") {
			return nil, pathError(cgroupsPath, "is not of the form slice:prefix:name, which the systemd cgroup manager needs",
				"give it in that form, such as system.slice:tare:"+id+", or leave out --systemd-cgroup")
		}
		slice, prefix, name = parts[0], parts[1], parts[2]
	}
	if name == "" {
		return nil, pathError(cgroupsPath, "has no name", "give slice:prefix:name")
	}
	if strings.HasSuffix(name, sliceSuffix) {
		return whereSlice(cgroupsPath, slice, name)
	}
	if slice == "" {
		slice = "system.slice"
		if user {
			slice = "user.slice"
		}
	}
	if prefix != "" {
		name = prefix + "-" + name
	}
	unit, ok := escapeUnit(name + ".scope")
	if !ok {
		return nil, pathError(cgroupsPath, strconv.Quote(name)+" cannot be the name of a unit", "use letters, digits, and :-_.\\@, at most 249 of them")
	}
	path, err := slicePath(slice)
	if err != nil {
		return nil, pathError(cgroupsPath, err.Error(), "name a slice, such as system.slice")
	}
	return &Place{Unit: unit, Slice: slice, Path: path + "/" + escapeCgroup(unit)}, nil
}

// whereSlice is Where for a name that ends in .slice: the unit has that name, without the prefix.
func whereSlice(cgroupsPath, slice, name string) (*Place, error) {
	path, err := slicePath(name)
	if err != nil || path == "" {
		return nil, pathError(cgroupsPath, strconv.Quote(name)+" is not a slice for a container", "")
	}
	if parent := parentSlice(name); slice != "" && slice != parent {
		return nil, pathError(cgroupsPath, name+" lies in "+parent+", as its name says, and not in "+slice, "leave out the slice in front of the first colon")
	}
	return &Place{Unit: name, Path: path}, nil
}

const (
	sliceSuffix = ".slice"
	rootSlice   = "-.slice"
)

// slicePath is where the cgroup of a slice is: "a-b.slice" is "/a.slice/a-b.slice" (systemd.slice(5)).
func slicePath(slice string) (string, error) {
	if slice == rootSlice {
		return "", nil
	}
	name, found := strings.CutSuffix(slice, sliceSuffix)
	escaped, ok := escapeUnit(slice)
	if !found || !ok || escaped != slice {
		return "", fault.Text(strconv.Quote(slice) + " is not the name of a slice")
	}
	var path strings.Builder
	for at := range strings.SplitSeq(name, "-") {
		if at == "" {
			return "", fault.Text(strconv.Quote(slice) + " is not the name of a slice: a part between its dashes is empty")
		}
	}
	for i := range len(name) {
		if name[i] == '-' {
			path.WriteString("/" + escapeCgroup(name[:i]+sliceSuffix))
		}
	}
	path.WriteString("/" + escapeCgroup(slice))
	return path.String(), nil
}

func parentSlice(slice string) string {
	if dash := strings.LastIndexByte(slice, '-'); dash > 0 {
		return slice[:dash] + sliceSuffix
	}
	return rootSlice
}

// maxUnitName is UNIT_NAME_MAX of systemd.
const maxUnitName = 255

// escapeUnit writes what a unit's name may not contain as \xNN, which is how systemd-escape(1) does it; container ids may
// have a plus. It refuses slashes, which would be directories, and what cannot be seen.
func escapeUnit(name string) (string, bool) {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(`:-_.\@`, c) >= 0:
			b.WriteByte(c)
		case c <= ' ' || c >= 0x7f || c == '/':
			return "", false
		default:
			b.WriteString(`\x` + strconv.FormatUint(uint64(c), 16))
		}
	}
	return b.String(), b.Len() <= maxUnitName && name[0] != '.'
}

// escapeCgroup does what systemd does to unit names that the kernel, or systemd, could take for a control file
// (cg_escape in its src/basic/cgroup-util.c).
func escapeCgroup(unit string) string {
	first, _, _ := strings.Cut(unit, ".")
	switch first {
	case "cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids",
		"bpf-firewall", "bpf-devices", "bpf-foreign", "bpf-socket-bind", "bpf-restrict-network-interfaces":
		return "_" + unit
	}
	if unit[0] == '_' || unit[0] == '.' {
		return "_" + unit
	}
	return unit
}

func pathError(cgroupsPath, why, hint string) error {
	return &fault.Error{Op: "cgroup path", Pointer: "/linux/cgroupsPath", Path: cgroupsPath, Err: fault.Text(why), Hint: hint}
}
