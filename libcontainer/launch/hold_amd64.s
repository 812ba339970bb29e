#include "textflag.h"

// func holdSyscall(args unsafe.Pointer, size, parent, unshare uintptr, result *int64) (r1 int64)
//
// The child runs on its parent's stack, which the parent goes on using, so it must not touch it: everything that it needs is
// in registers, which a system call leaves alone but for AX, CX and R11.
TEXT ·holdSyscall(SB),NOSPLIT|NOFRAME,$0-48
	MOVQ	args+0(FP), DI
	MOVQ	size+8(FP), SI
	MOVQ	parent+16(FP), R12
	MOVQ	unshare+24(FP), R13
	MOVQ	result+32(FP), BX
	MOVQ	$435, AX	// clone3
	SYSCALL
	TESTQ	AX, AX
	JEQ	child
	MOVQ	AX, r1+40(FP)
	RET
child:
	MOVQ	$157, AX	// prctl(PR_SET_PDEATHSIG, SIGKILL)
	MOVQ	$1, DI
	MOVQ	$9, SI
	XORQ	DX, DX
	XORQ	R10, R10
	XORQ	R8, R8
	SYSCALL
	MOVQ	$110, AX	// getppid: a parent that died before the prctl sends no signal any more
	SYSCALL
	CMPQ	AX, R12
	JNE	exit
	XORQ	AX, AX
	TESTQ	R13, R13
	JEQ	done
	MOVQ	$272, AX	// unshare
	MOVQ	R13, DI
	SYSCALL
done:
	MOVQ	AX, 0(BX)
wait:
	MOVQ	$34, AX		// pause
	SYSCALL
	JMP	wait
exit:
	MOVQ	$231, AX	// exit_group
	XORQ	DI, DI
	SYSCALL
	JMP	exit
