#include "textflag.h"

#define SYS_write 1
#define SYS_rt_sigreturn 15

// func catchHandler() uintptr
TEXT ·catchHandler(SB),NOSPLIT,$0-8
	MOVQ	$·catch(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// func catchRestorer() uintptr
TEXT ·catchRestorer(SB),NOSPLIT,$0-8
	MOVQ	$·catchReturn(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// catch is entered by the kernel with the signal in DI, on the thread's signal stack; no Go code runs. Whatever it
// changes, sigreturn restores. A full pipe loses the signal, as a full queue would.
TEXT ·catch(SB),NOSPLIT|NOFRAME,$0
	SUBQ	$8, SP
	MOVQ	DI, 0(SP)
	MOVL	·catchPipe(SB), DI
	MOVQ	SP, SI
	MOVQ	$1, DX
	MOVQ	$SYS_write, AX
	SYSCALL
	ADDQ	$8, SP
	RET

TEXT ·catchReturn(SB),NOSPLIT|NOFRAME,$0
	MOVQ	$SYS_rt_sigreturn, AX
	SYSCALL
	INT	$3
