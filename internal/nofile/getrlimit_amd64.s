#include "textflag.h"

#define SYS_prlimit64 302
#define RLIMIT_NOFILE 7

// func getrlimit(limit *[2]uint64) int64
TEXT ·getrlimit(SB),NOSPLIT,$0-16
	MOVQ	$SYS_prlimit64, AX
	XORQ	DI, DI
	MOVQ	$RLIMIT_NOFILE, SI
	XORQ	DX, DX
	MOVQ	limit+0(FP), R10
	SYSCALL
	MOVQ	AX, ret+8(FP)
	RET
