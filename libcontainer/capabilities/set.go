package capabilities

import (
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/step"
)

// numBits is how many capabilities the kernel's interface has room for.
const numBits = 64

// LastCap returns the number of the kernel's last capability (the value of /proc/sys/kernel/cap_last_cap).
func LastCap() (uint, error) {
	for bit := uint(0); bit < numBits; bit++ {
		_, err := inBounding(bit)
		if err == unix.EINVAL && bit > 0 {
			return bit - 1, nil
		}
		if err != nil {
			return 0, &fault.Error{Op: "prctl PR_CAPBSET_READ", Err: err}
		}
	}
	return numBits - 1, nil
}

// DropBounding removes every capability outside the mask from the bounding set. It returns those of the mask that the
// runtime's own bounding set, or the kernel, does not have: they cannot be granted, which is worth a warning.
//
// Only bits that are set are dropped, so that a caller without CAP_SETPCAP whose set is small enough already succeeds.
func DropBounding(mask uint64) (missing uint64, err error) {
	for bit := uint(0); bit < numBits; bit++ {
		wanted := mask&(1<<bit) != 0
		have, err := inBounding(bit)
		if err == unix.EINVAL { // past the kernel's last capability
			return missing | mask>>bit<<bit, nil
		}
		if err != nil {
			return 0, &fault.Error{Op: "prctl PR_CAPBSET_READ", Err: err}
		}
		switch {
		case wanted && !have:
			missing |= 1 << bit
		case have && !wanted:
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(bit), 0, 0, 0); err != nil {
				return 0, &fault.Error{Op: "drop from the bounding set", Path: List(1 << bit), Err: err, Hint: "CAP_SETPCAP is needed for this"}
			}
		}
	}
	return missing, nil
}

func inBounding(bit uint) (bool, error) {
	v, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(bit), 0, 0, 0)
	return v == 1, err
}

// Denied lists what was asked for but could not be granted; the container starts all the same (config.md: "the runtime MUST
// log a warning"). Both are masks; List writes them out.
type Denied struct {
	Sets    uint64 // the thread does not hold them, so they are in none of its sets
	Ambient uint64 // held, but the kernel refused to raise them in the ambient set
}

// Set gives the calling thread its effective, permitted, inheritable and ambient sets, exactly as given except for what it
// does not hold. A set that contradicts another one, such as an effective capability that is not permitted, is the kernel's
// EPERM (capabilities(7), "Programmatically adjusting capability sets").
func Set(c *step.Capabilities) (Denied, error) {
	have, err := get()
	if err != nil {
		return Denied{}, err
	}
	var denied Denied
	denied.Sets = (c.Effective | c.Permitted) &^ have.Permitted
	denied.Sets |= c.Inheritable &^ (have.Permitted | have.Inheritable)
	want := step.Capabilities{
		Effective:   c.Effective &^ denied.Sets,
		Permitted:   c.Permitted &^ denied.Sets,
		Inheritable: c.Inheritable &^ denied.Sets,
	}
	if err := put(&want); err != nil {
		return denied, err
	}
	denied.Ambient, err = setAmbient(c.Ambient &^ denied.Sets)
	return denied, err
}

// setAmbient empties the ambient set and raises the given capabilities in it. A raise the kernel refuses is not fatal, as
// engines ask for ambient capabilities in configurations that worked before the set existed; the program has fewer rights
// then, not more.
func setAmbient(mask uint64) (denied uint64, err error) {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return 0, &fault.Error{Op: "clear the ambient set", Err: err}
	}
	for bit := uint(0); bit < numBits; bit++ {
		if mask&(1<<bit) == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, uintptr(bit), 0, 0); err != nil {
			denied |= 1 << bit
		}
	}
	return denied, nil
}

// get reads the three sets of the calling thread. The kernel takes 64 bits as two structs, low word first (capget(2)).
func get() (step.Capabilities, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return step.Capabilities{}, &fault.Error{Op: "capget", Err: err}
	}
	return step.Capabilities{
		Effective:   uint64(data[0].Effective) | uint64(data[1].Effective)<<32,
		Permitted:   uint64(data[0].Permitted) | uint64(data[1].Permitted)<<32,
		Inheritable: uint64(data[0].Inheritable) | uint64(data[1].Inheritable)<<32,
	}, nil
}

func put(c *step.Capabilities) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(c.Effective), Permitted: uint32(c.Permitted), Inheritable: uint32(c.Inheritable)},
		{Effective: uint32(c.Effective >> 32), Permitted: uint32(c.Permitted >> 32), Inheritable: uint32(c.Inheritable >> 32)},
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		e := &fault.Error{Op: "capset", Err: err}
		switch {
		case c.Effective&^c.Permitted != 0:
			e.Hint = "effective has capabilities that permitted lacks: " + List(c.Effective&^c.Permitted)
		case err == unix.EPERM:
			e.Hint = "every inheritable capability must be in bounding too"
		}
		return e
	}
	return nil
}
