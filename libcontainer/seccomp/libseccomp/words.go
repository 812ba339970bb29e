//go:build cgo

package libseccomp

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	lib "github.com/seccomp/libseccomp-golang"
	"golang.org/x/sys/unix"

	"github.com/tare-run/tare/internal/fault"
)

// parseAction turns an action and its errno into the library's action; config-linux.md: "The default is EPERM".
func parseAction(word specs.LinuxSeccompAction, errno *uint) (lib.ScmpAction, error) {
	code := int16(unix.EPERM)
	if errno != nil {
		code = int16(*errno) // 16 bits that the library takes as signed; the caller has checked the range
	}
	switch word {
	case specs.ActKill, specs.ActKillThread:
		return lib.ActKillThread, nil
	case specs.ActKillProcess:
		return lib.ActKillProcess, nil
	case specs.ActTrap:
		return lib.ActTrap, nil
	case specs.ActErrno:
		return lib.ActErrno.SetReturnCode(code), nil
	case specs.ActTrace:
		return lib.ActTrace.SetReturnCode(code), nil
	case specs.ActAllow:
		return lib.ActAllow, nil
	case specs.ActNotify:
		return lib.ActNotify, nil
	case specs.ActLog:
		return lib.ActLog, nil
	}
	return lib.ActInvalid, unknownWord(string(word))
}

func parseOperator(word specs.LinuxSeccompOperator) (lib.ScmpCompareOp, error) {
	switch word {
	case specs.OpNotEqual:
		return lib.CompareNotEqual, nil
	case specs.OpLessThan:
		return lib.CompareLess, nil
	case specs.OpLessEqual:
		return lib.CompareLessOrEqual, nil
	case specs.OpEqualTo:
		return lib.CompareEqual, nil
	case specs.OpGreaterEqual:
		return lib.CompareGreaterEqual, nil
	case specs.OpGreaterThan:
		return lib.CompareGreater, nil
	case specs.OpMaskedEqual:
		return lib.CompareMaskedEqual, nil
	}
	return lib.CompareInvalid, unknownWord(string(word))
}

func unknownWord(word string) error {
	return &fault.Error{Path: word, Err: fault.Text("unknown word")}
}
