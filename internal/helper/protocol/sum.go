package protocol

import "encoding/binary"

// Sum tells contents apart and finds damage. It is MurmurHash64A by Austin Appleby, which takes eight bytes at a time: it goes
// over the four megabytes of a helper, and at every create over the key of a profile, where FNV of package hash would take
// 25 µs. It is no defence against someone who means harm. A cryptographic sum would be, but its packages initialise at every
// start of every command.
func Sum(b []byte) uint64 { return murmur(b, 0) }

func murmur(b []byte, seed uint64) uint64 {
	const factor = 0xc6a4a7935bd1e995
	sum := seed ^ uint64(len(b))*factor
	for ; len(b) >= 8; b = b[8:] {
		word := binary.LittleEndian.Uint64(b) * factor
		word = (word ^ word>>47) * factor
		sum = (sum ^ word) * factor
	}
	if len(b) > 0 {
		var rest [8]byte
		copy(rest[:], b)
		sum = (sum ^ binary.LittleEndian.Uint64(rest[:])) * factor
	}
	sum = (sum ^ sum>>47) * factor
	return sum ^ sum>>47
}
