package tracer

import "syscall"

// Supported says whether this architecture's registers are known here.
const Supported = true

func (c *Call) read(tid int) bool {
	var r syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &r) != nil {
		return false
	}
	c.Number = r.Orig_rax
	c.Args = [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}
	return true
}

// skipCall makes the kernel look for system call −1, which there is none of.
func skipCall(tid int) { change(tid, func(r *syscall.PtraceRegs) { r.Orig_rax = ^uint64(0) }) }

func setResult(tid int, result int64) {
	change(tid, func(r *syscall.PtraceRegs) { r.Rax = uint64(result) })
}

// change is for a thread that may have been killed while it stood.
func change(tid int, f func(*syscall.PtraceRegs)) {
	var r syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &r) == nil {
		f(&r)
		_ = syscall.PtraceSetRegs(tid, &r)
	}
}
