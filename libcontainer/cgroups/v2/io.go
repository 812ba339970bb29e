package v2

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

const weightHint = "accepted 10 to 1000"

func io(b *specs.LinuxBlockIO) ([]limit.Write, error) {
	if b == nil {
		return nil, nil
	}
	var writes []limit.Write
	if limit.Value(b.LeafWeight) != 0 {
		return nil, limit.Inconvertible("it exists in cgroup v1 only", "blockIO", "leafWeight")
	}
	if weight := limit.Value(b.Weight); weight != 0 {
		if weight < 10 || weight > 1000 {
			return nil, limit.Invalid("weight out of range", weightHint, "blockIO", "weight")
		}
		writes = append(writes, ioWeight("", weight, limit.Ptr("blockIO", "weight")))
	}
	for i, d := range b.WeightDevice {
		if limit.Value(d.LeafWeight) != 0 {
			return nil, limit.Inconvertible("it exists in cgroup v1 only", "blockIO", "weightDevice", i, "leafWeight")
		}
		weight := limit.Value(d.Weight)
		if weight < 10 || weight > 1000 {
			return nil, limit.Invalid("weight out of range", weightHint, "blockIO", "weightDevice", i, "weight")
		}
		writes = append(writes, ioWeight(limit.DeviceNumber(d.LinuxBlockIODevice)+" ", weight, limit.Ptr("blockIO", "weightDevice", i)))
	}
	for _, t := range limit.Throttles(b) {
		for i, d := range t.Devices {
			rate := "max" // zero lifts a limit in v1; io.max refuses it
			if d.Rate != 0 {
				rate = strconv.FormatUint(d.Rate, 10)
			}
			number := limit.DeviceNumber(d.LinuxBlockIODevice)
			writes = append(writes, limit.Write{
				File: "io.max", Value: number + " " + t.V2Key + "=" + rate,
				Pointer: limit.Ptr("blockIO", t.Name, i), Hint: "is there a whole-disk block device " + number + "?",
			})
		}
	}
	return writes, nil
}

// ioWeight prefers BFQ's own file, which takes the specification's range, to io.weight (1 to 10000, default 100).
func ioWeight(prefix string, weight uint16, pointer string) limit.Write {
	converted := 1 + (uint64(weight)-10)*9999/990
	return limit.Write{
		File: "io.bfq.weight", Value: prefix + strconv.Itoa(int(weight)), Pointer: pointer, Hint: weightHint,
		Else: &limit.Write{
			File: "io.weight", Value: prefix + strconv.FormatUint(converted, 10), Pointer: pointer, Hint: weightHint,
		},
	}
}
