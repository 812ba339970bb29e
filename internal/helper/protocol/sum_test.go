package protocol

import (
	"encoding/binary"
	"testing"
)

// The number by which the author's test program SMHasher knows MurmurHash64A: the sum of the sums of all lengths to 255.
func TestSumIsMurmurHash64A(t *testing.T) {
	var key, sums []byte
	for i := range 256 {
		sums = binary.LittleEndian.AppendUint64(sums, murmur(key, uint64(256-i)))
		key = append(key, byte(i))
	}
	if got := uint32(murmur(sums, 0)); got != 0x1f0d3804 {
		t.Errorf("verification value %#x", got)
	}
}

// Any changed bit, a zero more or less, and exchanged words change the sum.
func TestSumFindsDamage(t *testing.T) {
	for size := range 40 {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(7 * i)
		}
		seen := map[uint64]bool{Sum(b): true}
		try := func(b []byte, what string) {
			if seen[Sum(b)] {
				t.Errorf("%d bytes %s: nothing new", size, what)
			}
			seen[Sum(b)] = true
		}
		for bit := range 8 * size {
			b[bit/8] ^= 1 << (bit % 8)
			try(b, "with a bit changed")
			b[bit/8] ^= 1 << (bit % 8)
		}
		try(append(b, 0), "and a zero")
		if size >= 16 {
			try(append(append([]byte(nil), b[8:16]...), append(b[:8:8], b[16:]...)...), "with words exchanged")
		}
	}
}
