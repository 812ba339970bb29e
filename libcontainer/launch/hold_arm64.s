#include "textflag.h"

// func holdSyscall(args unsafe.Pointer, size, parent, unshare uintptr, result *int64) (r1 int64)
//
// The child runs on its parent's stack, which the parent goes on using, so it must not touch it: everything that it needs is
// in registers, which a system call leaves alone but for R0.
TEXT ·holdSyscall(SB),NOSPLIT,$0-48
	MOVD	args+0(FP), R0
	MOVD	size+8(FP), R1
	MOVD	parent+16(FP), R9
	MOVD	unshare+24(FP), R10
	MOVD	result+32(FP), R11
	MOVD	$435, R8	// clone3
	SVC
	CBZ	R0, child
	MOVD	R0, r1+40(FP)
	RET
child:
	MOVD	$1, R0		// prctl(PR_SET_PDEATHSIG, SIGKILL)
	MOVD	$9, R1
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	$167, R8
	SVC
	MOVD	$173, R8	// getppid: a parent that died before the prctl sends no signal any more
	SVC
	CMP	R9, R0
	BNE	exit
	MOVD	ZR, R0
	CBZ	R10, done
	MOVD	R10, R0
	MOVD	$97, R8		// unshare
	SVC
done:
	MOVD	R0, 0(R11)
wait:
	MOVD	ZR, R0		// ppoll(NULL, 0, NULL, NULL)
	MOVD	ZR, R1
	MOVD	ZR, R2
	MOVD	ZR, R3
	MOVD	ZR, R4
	MOVD	$73, R8
	SVC
	B	wait
exit:
	MOVD	ZR, R0
	MOVD	$94, R8		// exit_group
	SVC
	B	exit
