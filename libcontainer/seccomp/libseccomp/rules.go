//go:build cgo

package libseccomp

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
	lib "github.com/seccomp/libseccomp-golang"

	"github.com/tare-run/tare/internal/fault"
)

// addEntry adds one element of syscalls: each of its names with all of its conditions.
func (b *builder) addEntry(entry *specs.LinuxSyscall) error {
	action, err := parseAction(entry.Action, entry.ErrnoRet)
	if err != nil {
		return err
	}
	if action == b.def {
		b.noteUnknown(entry.Names)
		return nil // the library refuses a rule that changes nothing
	}
	alternatives, err := conditions(entry.Args)
	if err != nil {
		return err
	}
	for _, name := range entry.Names {
		if err := b.addRule(name, action, alternatives); err != nil {
			return &fault.Error{Op: "add rule for", Path: name, Err: err}
		}
	}
	return nil
}

// addRule adds the rules for one name. The number is the native one, or a negative stand-in if only other architectures
// have the call; the library translates both for each architecture of the filter.
func (b *builder) addRule(name string, action lib.ScmpAction, alternatives [][]lib.ScmpCondition) error {
	nr, err := lib.GetSyscallFromName(name)
	if err != nil {
		b.unknown = append(b.unknown, name)
		return nil
	}
	for _, all := range alternatives {
		if err := b.filter.AddRuleConditional(nr, action, all); err != nil {
			return err
		}
	}
	b.rules++
	return nil
}

func (b *builder) noteUnknown(names []string) {
	for _, name := range names {
		if _, err := lib.GetSyscallFromName(name); err != nil {
			b.unknown = append(b.unknown, name)
		}
	}
}

// conditions turns args into a list of alternatives, in each of which all conditions must hold.
//
// There is one alternative, unless two conditions look at the same argument. The library cannot combine those, and engines
// have always meant "or" by them: every condition is then an alternative of its own.
func conditions(args []specs.LinuxSeccompArg) ([][]lib.ScmpCondition, error) {
	var all []lib.ScmpCondition
	var seen [6]bool
	repeated := false
	for _, arg := range args {
		if arg.Index >= uint(len(seen)) {
			return nil, fault.Text("a system call has six arguments")
		}
		op, err := parseOperator(arg.Op)
		if err != nil {
			return nil, err
		}
		// For SCMP_CMP_MASKED_EQ the value is the mask and valueTwo the datum; the others look at the value only.
		all = append(all, lib.ScmpCondition{Argument: arg.Index, Op: op, Operand1: arg.Value, Operand2: arg.ValueTwo})
		repeated = repeated || seen[arg.Index]
		seen[arg.Index] = true
	}
	if !repeated {
		return [][]lib.ScmpCondition{all}, nil
	}
	alternatives := make([][]lib.ScmpCondition, len(all))
	for i, one := range all {
		alternatives[i] = []lib.ScmpCondition{one}
	}
	return alternatives, nil
}
