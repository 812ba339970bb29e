#include "textflag.h"

#define SYS_write 64

// func catchHandler() uintptr
TEXT ·catchHandler(SB),NOSPLIT,$0-8
	MOVD	$·catch(SB), R0
	MOVD	R0, ret+0(FP)
	RET

// func catchRestorer() uintptr
//
// The kernel returns through its vdso where there is no restorer.
TEXT ·catchRestorer(SB),NOSPLIT,$0-8
	MOVD	ZR, ret+0(FP)
	RET

// catch is entered by the kernel with the signal in R0, on the thread's signal stack; no Go code runs. Whatever it
// changes, sigreturn restores. A full pipe loses the signal, as a full queue would.
TEXT ·catch(SB),NOSPLIT|NOFRAME,$0
	SUB	$16, RSP
	MOVD	R0, 0(RSP)
	MOVW	·catchPipe(SB), R0
	MOVD	RSP, R1
	MOVD	$1, R2
	MOVD	$SYS_write, R8
	SVC
	ADD	$16, RSP
	RET
