#include "textflag.h"
#include "neon_arm64.h"

// func maxVec(x *float32, n int) float32
TEXT ·maxVec(SB), NOSPLIT, $0-20
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	FLDPQ (R0), (F0, F1)

loopmax:
	FLDPQ.P 32(R0), (F2, F3)
	FMAX4(2, 0, 0)
	FMAX4(3, 1, 1)
	SUBS $8, R1
	BGT  loopmax
	FMAX4(1, 0, 0)
	FMAXV4(0, 0)
	FMOVS F0, ret+16(FP)
	RET

// func scaleVec(x *float32, n int, a float32)
TEXT ·scaleVec(SB), NOSPLIT, $0-20
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	FMOVS a+16(FP), F2
	VDUP  V2.S[0], V2.S4

loopsc:
	FLDPQ (R0), (F0, F1)
	FMUL4(2, 0, 0)
	FMUL4(2, 1, 1)
	FSTPQ.P (F0, F1), 32(R0)
	SUBS $8, R1
	BGT  loopsc
	RET

// func ropeVec(dst, src, cos, sin *float32, half int)
TEXT ·ropeVec(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD cos+16(FP), R2
	MOVD sin+24(FP), R3
	MOVD half+32(FP), R4
	ADD  R4<<2, R0, R5
	ADD  R4<<2, R1, R6

looprope:
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R6), (F2, F3)
	FLDPQ.P 32(R2), (F4, F5)
	FLDPQ.P 32(R3), (F6, F7)
	FMUL4(0, 4, 16)
	FMUL4(1, 5, 17)
	FMUL4(2, 6, 18)
	FMUL4(3, 7, 19)
	FSUB4(18, 16, 16)
	FSUB4(19, 17, 17)
	FMUL4(2, 4, 18)
	FMUL4(3, 5, 19)
	FMUL4(0, 6, 20)
	FMUL4(1, 7, 21)
	FADD4(20, 18, 18)
	FADD4(21, 19, 19)
	FSTPQ.P (F16, F17), 32(R0)
	FSTPQ.P (F18, F19), 32(R5)
	SUBS $8, R4
	BGT  looprope
	RET
