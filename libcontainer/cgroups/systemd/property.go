package systemd

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tare-run/tare/libcontainer/cgroups/systemd/bus"
)

// Property is one property of a unit.
type Property struct {
	Name  string
	Value bus.Value
	// Optional marks one that older versions of systemd do not have, and whose effect a control file has as well: without it
	// the setting holds until systemd writes that file the next time.
	Optional bool
	// Pointer is the entry of config.json that asks for it, where it is one that systemd alone understands.
	Pointer string
}

func text(name, v string) Property {
	return Property{Name: name, Value: bus.Value{Signature: "s", V: v}}
}

func truth(name string, v bool) Property {
	return Property{Name: name, Value: bus.Value{Signature: "b", V: v}}
}

func amount(name string, v uint64) Property {
	return Property{Name: name, Value: bus.Value{Signature: "t", V: v}}
}

// infinity is how systemd spells "no limit", and for weights "not set".
const infinity = math.MaxUint64

// Setting is one value of a control file of cgroup v2.
type Setting struct{ File, Value string }

// Files are the control files for which systemd has a property, and which it therefore writes when it likes: at a
// daemon-reload, or when any property of the unit changes. Other files it leaves alone.
func Files() []string {
	return []string{
		"memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.zswap.max", "memory.zswap.writeback",
		"memory.oom.group", "cpu.max", "cpu.weight", "cpu.idle", "cpuset.cpus", "cpuset.mems", "pids.max", "io.weight", "io.bfq.weight",
	}
}

// HasProperty says whether a control file is one of these.
func HasProperty(file string) bool { return slices.Contains(Files(), file) }

// Properties says in systemd's words what is written to control files, in this order (J2, J42). A file without a property,
// and a value that systemd could not take, says nothing: the file is written all the same, and the kernel judges.
func Properties(settings []Setting) []Property {
	var list []Property
	for _, s := range settings {
		for _, p := range propertiesOf(s.File, strings.TrimSpace(s.Value)) {
			if s.File == "cpu.idle" && s.Value == "0" && hasProperty(list, p.Name) {
				continue // the weight has been said
			}
			list = replaceProperty(list, p)
		}
	}
	return list
}

func hasProperty(list []Property, name string) bool {
	return slices.ContainsFunc(list, func(p Property) bool { return p.Name == name })
}

// replaceProperty appends a property in place of an earlier one of its name.
func replaceProperty(list []Property, p Property) []Property {
	for i := range list {
		if list[i].Name == p.Name {
			list[i] = p
			return list
		}
	}
	return append(list, p)
}

func propertiesOf(file, value string) []Property {
	switch file {
	case "memory.min":
		return bytes("MemoryMin", value)
	case "memory.low":
		return bytes("MemoryLow", value)
	case "memory.high":
		return bytes("MemoryHigh", value)
	case "memory.max":
		return bytes("MemoryMax", value)
	case "memory.swap.max":
		return bytes("MemorySwapMax", value)
	case "memory.zswap.max": // systemd 253
		return optional(bytes("MemoryZSwapMax", value))
	case "memory.zswap.writeback": // systemd 256
		return optional([]Property{truth("MemoryZSwapWriteback", value != "0")})
	case "memory.oom.group": // systemd 253, for scopes
		return optional([]Property{text("OOMPolicy", map[bool]string{true: "kill", false: "continue"}[value == "1"])})
	case "cpu.max":
		return quota(value)
	case "cpu.weight":
		return weight("CPUWeight", value)
	case "cpu.idle":
		if value == "1" { // systemd 252
			return optional([]Property{amount("CPUWeight", 0)})
		}
		return []Property{amount("CPUWeight", infinity)} // not set
	case "cpuset.cpus":
		return bitmask("AllowedCPUs", value)
	case "cpuset.mems":
		return bitmask("AllowedMemoryNodes", value)
	case "pids.max":
		if value == "0" {
			value = "1" // systemd cannot say 0; with one process in it the cgroup takes no other either way (J28)
		}
		return bytes("TasksMax", value)
	case "io.weight":
		return weight("IOWeight", strings.TrimPrefix(value, "default "))
	case "io.bfq.weight":
		return bfqWeight(strings.TrimPrefix(value, "default "))
	}
	return nil
}

func optional(list []Property) []Property {
	for i := range list {
		list[i].Optional = true
	}
	return list
}

// bytes reads a number, which the memory controller also takes with a suffix (memparse of the kernel), or "max".
func bytes(name, value string) []Property {
	if value == "max" {
		return []Property{amount(name, infinity)}
	}
	shift := 0
	if value != "" {
		if i := strings.IndexByte("kmgtpe", value[len(value)-1]|0x20); i >= 0 {
			shift, value = 10*(i+1), value[:len(value)-1]
		}
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n > math.MaxInt64>>shift {
		return nil
	}
	return []Property{amount(name, n<<shift)}
}

// weight reads 1 to 10000. A weight for one device, "8:0 200", stays with the file: systemd names devices by their nodes,
// and takes the disk for a partition.
func weight(name, value string) []Property {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n < 1 || n > 10000 {
		return nil
	}
	return []Property{amount(name, n)}
}

// bfqWeight gives the weight of BFQ, 1 to 1000, to IOWeight in the range of io.weight, as the conversion of the
// specification's blockIO.weight does.
func bfqWeight(value string) []Property {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n < 10 || n > 1000 {
		return nil
	}
	return []Property{amount("IOWeight", 1+(n-10)*9999/990)}
}

// quota reads "QUOTA PERIOD" of cpu.max. systemd counts in CPU time for each second, and keeps whole percents of a CPU; a
// part of one is rounded up, so that systemd never gives less than was asked for (J41). The file has the exact value.
func quota(value string) []Property {
	quotaText, periodText, _ := strings.Cut(value, " ")
	period := uint64(100_000)
	if periodText != "" {
		n, err := strconv.ParseUint(periodText, 10, 64)
		if err != nil || n < 1_000 || n > 1_000_000 {
			return nil
		}
		period = n
	}
	list := []Property{amount("CPUQuotaPerSecUSec", infinity), amount("CPUQuotaPeriodUSec", period)}
	if quotaText != "max" {
		n, err := strconv.ParseUint(quotaText, 10, 64)
		if err != nil || n == 0 || n > 1<<40 {
			return nil
		}
		const percent = 10_000
		list[0] = amount("CPUQuotaPerSecUSec", (n*1_000_000/period+percent-1)/percent*percent)
	}
	return list
}

// maxBit bounds the number of a CPU; the kernel's largest configuration has 8192.
const maxBit = 1 << 13

// bitmask reads a list such as "0-3,7" (cpuset(7), "List format") into the bytes of a mask, the lowest first.
func bitmask(name, list string) []Property {
	mask := []byte{}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		firstText, lastText, isRange := strings.Cut(item, "-")
		if !isRange {
			lastText = firstText
		}
		first, err1 := strconv.ParseUint(firstText, 10, 32)
		last, err2 := strconv.ParseUint(lastText, 10, 32)
		if err1 != nil || err2 != nil || first > last || last >= maxBit {
			return nil
		}
		for bit := first; bit <= last; bit++ {
			for uint64(len(mask)) <= bit/8 {
				mask = append(mask, 0)
			}
			mask[bit/8] |= 1 << (bit % 8)
		}
	}
	return []Property{{Name: name, Value: bus.Value{Signature: "ay", V: mask}}}
}
