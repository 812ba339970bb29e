//go:build cgo

package libseccomp

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	lib "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"
)

// arch is one architecture by its three names: in config.json, in the library, and in what the kernel shows a filter.
type arch struct {
	word  specs.Arch
	lib   lib.ScmpArch
	audit uint32
	base  uint32 // first system call number, where the ABI shares its audit value with another
}

// x32Base is __X32_SYSCALL_BIT: the kernel shows x32 calls as x86_64 ones with this bit set.
const x32Base = 0x40000000

// archs lists what the specification lists. libseccomp's "sh" is the little-endian variant and "sheb" the big-endian one.
var archs = []arch{
	{specs.ArchX86, lib.ArchX86, unix.AUDIT_ARCH_I386, 0},
	{specs.ArchX86_64, lib.ArchAMD64, unix.AUDIT_ARCH_X86_64, 0},
	{specs.ArchX32, lib.ArchX32, unix.AUDIT_ARCH_X86_64, x32Base},
	{specs.ArchARM, lib.ArchARM, unix.AUDIT_ARCH_ARM, 0},
	{specs.ArchAARCH64, lib.ArchARM64, unix.AUDIT_ARCH_AARCH64, 0},
	{specs.ArchMIPS, lib.ArchMIPS, unix.AUDIT_ARCH_MIPS, 0},
	{specs.ArchMIPS64, lib.ArchMIPS64, unix.AUDIT_ARCH_MIPS64, 0},
	{specs.ArchMIPS64N32, lib.ArchMIPS64N32, unix.AUDIT_ARCH_MIPS64N32, 0},
	{specs.ArchMIPSEL, lib.ArchMIPSEL, unix.AUDIT_ARCH_MIPSEL, 0},
	{specs.ArchMIPSEL64, lib.ArchMIPSEL64, unix.AUDIT_ARCH_MIPSEL64, 0},
	{specs.ArchMIPSEL64N32, lib.ArchMIPSEL64N32, unix.AUDIT_ARCH_MIPSEL64N32, 0},
	{specs.ArchPPC, lib.ArchPPC, unix.AUDIT_ARCH_PPC, 0},
	{specs.ArchPPC64, lib.ArchPPC64, unix.AUDIT_ARCH_PPC64, 0},
	{specs.ArchPPC64LE, lib.ArchPPC64LE, unix.AUDIT_ARCH_PPC64LE, 0},
	{specs.ArchS390, lib.ArchS390, unix.AUDIT_ARCH_S390, 0},
	{specs.ArchS390X, lib.ArchS390X, unix.AUDIT_ARCH_S390X, 0},
	{specs.ArchPARISC, lib.ArchPARISC, unix.AUDIT_ARCH_PARISC, 0},
	{specs.ArchPARISC64, lib.ArchPARISC64, unix.AUDIT_ARCH_PARISC64, 0},
	{specs.ArchRISCV64, lib.ArchRISCV64, unix.AUDIT_ARCH_RISCV64, 0},
	{specs.ArchLOONGARCH64, lib.ArchLOONGARCH64, unix.AUDIT_ARCH_LOONGARCH64, 0},
	{specs.ArchM68K, lib.ArchM68K, unix.AUDIT_ARCH_M68K, 0},
	{specs.ArchSH, lib.ArchSH, unix.AUDIT_ARCH_SHEL, 0},
	{specs.ArchSHEB, lib.ArchSHEB, unix.AUDIT_ARCH_SH, 0},
}

// known says whether the linked library has the architecture: loongarch64, m68k and sh came with 2.6.0. An older one
// resolves no name for an architecture whose token its header lacks.
func (a arch) known() bool {
	_, err := lib.GetSyscallFromNameByArch("read", a.lib)
	return err == nil
}

// archByWord finds an architecture as config.json spells it.
func archByWord(word specs.Arch) (arch, bool) {
	for _, a := range archs {
		if a.word == word {
			return a, true
		}
	}
	return arch{}, false
}

// nativeArch is the one this program was built for.
func nativeArch() (arch, error) {
	native, err := lib.GetNativeArch()
	if err != nil {
		return arch{}, err
	}
	for _, a := range archs {
		if a.lib == native {
			return a, nil
		}
	}
	return arch{}, unknownWord(native.String())
}

// s390 is for the call that stands for all others, see bpf.Limit.
func (a arch) s390() bool { return a.word == specs.ArchS390 || a.word == specs.ArchS390X }
