package v1

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/tare-run/tare/libcontainer/cgroups/limit"
)

const weightHint = "accepted 10 to 1000, with the I/O scheduler bfq, or cfq before Linux 5.0"

func blkio(b *specs.LinuxBlockIO) []limit.Write {
	if b == nil {
		return nil
	}
	var writes []limit.Write
	if weight := limit.Value(b.Weight); weight != 0 {
		writes = append(writes, weightWrite("weight", "", weight, limit.Ptr("blockIO", "weight")))
	}
	if weight := limit.Value(b.LeafWeight); weight != 0 {
		writes = append(writes, weightWrite("leaf_weight", "", weight, limit.Ptr("blockIO", "leafWeight")))
	}
	for i, d := range b.WeightDevice {
		number := limit.DeviceNumber(d.LinuxBlockIODevice) + " "
		if weight := limit.Value(d.Weight); weight != 0 {
			writes = append(writes, weightWrite("weight_device", number, weight, limit.Ptr("blockIO", "weightDevice", i, "weight")))
		}
		if weight := limit.Value(d.LeafWeight); weight != 0 {
			writes = append(writes,
				weightWrite("leaf_weight_device", number, weight, limit.Ptr("blockIO", "weightDevice", i, "leafWeight")))
		}
	}
	for _, t := range limit.Throttles(b) {
		for i, d := range t.Devices {
			number := limit.DeviceNumber(d.LinuxBlockIODevice)
			writes = append(writes, limit.Write{
				File: t.V1File, Value: number + " " + strconv.FormatUint(d.Rate, 10),
				Pointer: limit.Ptr("blockIO", t.Name, i), Hint: "is there a whole-disk block device " + number + "?",
			})
		}
	}
	return writes
}

// weightWrite prefers BFQ's files; CFQ's, which had these names without "bfq", went away in Linux 5.0.
func weightWrite(file, prefix string, weight uint16, pointer string) limit.Write {
	value := prefix + strconv.Itoa(int(weight))
	return limit.Write{
		File: "blkio.bfq." + file, Value: value, Pointer: pointer, Hint: weightHint,
		Else: &limit.Write{File: "blkio." + file, Value: value, Pointer: pointer, Hint: weightHint},
	}
}
