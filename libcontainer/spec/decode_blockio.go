package spec

import specs "github.com/opencontainers/runtime-spec/specs-go"

func blockIO(d *decoder, v *specs.LinuxBlockIO) {
	object(d, func(name string) {
		switch name {
		case "weight":
			pointer(d, &v.Weight, unsigned)
		case "leafWeight":
			pointer(d, &v.LeafWeight, unsigned)
		case "weightDevice":
			list(d, &v.WeightDevice, weightDevice)
		case "throttleReadBpsDevice":
			list(d, &v.ThrottleReadBpsDevice, throttleDevice)
		case "throttleWriteBpsDevice":
			list(d, &v.ThrottleWriteBpsDevice, throttleDevice)
		case "throttleReadIOPSDevice":
			list(d, &v.ThrottleReadIOPSDevice, throttleDevice)
		case "throttleWriteIOPSDevice":
			list(d, &v.ThrottleWriteIOPSDevice, throttleDevice)
		default:
			d.skip()
		}
	})
}

func weightDevice(d *decoder, v *specs.LinuxWeightDevice) {
	object(d, func(name string) {
		switch name {
		case "major":
			signed(d, &v.Major)
		case "minor":
			signed(d, &v.Minor)
		case "weight":
			pointer(d, &v.Weight, unsigned)
		case "leafWeight":
			pointer(d, &v.LeafWeight, unsigned)
		default:
			d.skip()
		}
	})
}

func throttleDevice(d *decoder, v *specs.LinuxThrottleDevice) {
	object(d, func(name string) {
		switch name {
		case "major":
			signed(d, &v.Major)
		case "minor":
			signed(d, &v.Minor)
		case "rate":
			unsigned(d, &v.Rate)
		default:
			d.skip()
		}
	})
}
