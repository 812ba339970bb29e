#include "textflag.h"

#define SYS_prlimit64 261
#define RLIMIT_NOFILE 7

// func getrlimit(limit *[2]uint64) int64
TEXT ·getrlimit(SB),NOSPLIT,$0-16
	MOVD	$SYS_prlimit64, R8
	MOVD	ZR, R0
	MOVD	$RLIMIT_NOFILE, R1
	MOVD	ZR, R2
	MOVD	limit+0(FP), R3
	SVC
	MOVD	R0, ret+8(FP)
	RET
