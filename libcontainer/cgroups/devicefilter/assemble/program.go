package assemble

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/cilium/ebpf/asm"

	"github.com/tare-run/tare/internal/fault"
	"github.com/tare-run/tare/libcontainer/cgroups/devicefilter"
)

// The kernel calls the program with a pointer to struct bpf_cgroup_dev_ctx in r1:
//
//	u32 access_type   access bits << 16 | device type
//	u32 major
//	u32 minor
//
// and lets the access happen if r0 is 1 at the end. The program loads the fields once and then tests the rules from the
// last to the first. regAccess holds the kinds of access that no rule has decided yet: an allowing rule clears its bits,
// and clearing the last one grants the request; a denying rule that meets a remaining bit refuses it.
const (
	regType   = asm.R2
	regAccess = asm.R3
	regMajor  = asm.R4
	regMinor  = asm.R5
)

// Device types in the kernel's struct, BPF_DEVCG_DEV_*.
const (
	kernelBlock = 1
	kernelChar  = 2
)

// fewRules is up to how many rules a program is as short as it can be; a longer one is made easy for the verifier.
const fewRules = 64

const (
	labelAllow = "allow"
	labelDeny  = "deny"
)

// Program returns the policy as an array of struct bpf_insn in native byte order.
func Program(policy devicefilter.Policy) ([]byte, error) {
	code := instructions(policy)
	if len(code) > devicefilter.MaxInstructions { // the assembler would cut a longer jump off silently
		return nil, &fault.Error{
			Op:      "device rules",
			Pointer: fault.Ptr("linux", "resources", "devices"),
			Err:     fault.Text("too many rules for one BPF program"),
			Hint:    "use wildcards",
		}
	}
	var b bytes.Buffer
	b.Grow(len(code) * asm.InstructionSize)
	if err := code.Marshal(&b, nativeOrder()); err != nil {
		return nil, &fault.Error{Op: "assemble device filter", Pointer: fault.Ptr("linux", "resources", "devices"), Err: err}
	}
	return b.Bytes(), nil
}

func instructions(p devicefilter.Policy) asm.Instructions {
	p = p.Simplify()
	b := &builder{referenced: map[string]bool{}, manyRules: len(p.Rules) > fewRules}
	if len(p.Rules) > 0 {
		b.emit(
			asm.LoadMem(regType, asm.R1, 0, asm.Word),
			asm.Mov.Reg32(regAccess, regType),
			asm.RSh.Imm32(regAccess, 16),
			asm.And.Imm32(regType, 0xffff),
			asm.LoadMem(regMajor, asm.R1, 4, asm.Word),
			asm.LoadMem(regMinor, asm.R1, 8, asm.Word),
		)
	}
	rest, other := labelDeny, labelAllow
	if p.Allow {
		rest, other = labelAllow, labelDeny
	}
	for i, run := range slices.Backward(p.Runs()) {
		end := rest
		if i > 0 {
			end = b.label()
		}
		b.run(run, end)
		b.mark(end)
	}
	b.verdict(rest)
	// The verifier refuses unreachable instructions.
	if b.referenced[other] {
		b.verdict(other)
	}
	return b.out
}

// nativeOrder names the machine's byte order; the assembler does not take binary.NativeEndian.
func nativeOrder() binary.ByteOrder {
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}
