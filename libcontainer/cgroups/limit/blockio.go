package limit

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Throttle is one of the four throttle lists of the specification with its names in both dialects.
type Throttle struct {
	Name    string // in config.json, below blockIO
	V1File  string
	V2Key   string // in io.max
	Devices []specs.LinuxThrottleDevice
}

// Throttles returns the four lists.
func Throttles(b *specs.LinuxBlockIO) []Throttle {
	return []Throttle{
		{"throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps", b.ThrottleReadBpsDevice},
		{"throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps", b.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops", b.ThrottleReadIOPSDevice},
		{"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops", b.ThrottleWriteIOPSDevice},
	}
}

// DeviceNumber spells a device as the block controllers do.
func DeviceNumber(d specs.LinuxBlockIODevice) string {
	return strconv.FormatInt(d.Major, 10) + ":" + strconv.FormatInt(d.Minor, 10)
}
