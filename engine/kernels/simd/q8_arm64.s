#include "textflag.h"
#include "neon_arm64.h"

// WEIGHTS: a block of 32 weights at Q as int16 in V10 to V13. Goes on to the block
// after it.
#define WEIGHTS(Q) \
	FLDPQ.P 32(Q), (F14, F15) \
	SXTL8(14, 10) \
	SXTL8_2(14, 11) \
	SXTL8(15, 12) \
	SXTL8_2(15, 13)

// Q8ROW: a block of a row of weights at Q with its scale at S, times x in V16 to V23,
// added to A0 and A1.
#define Q8ROW(Q, S, A0, A1) \
	SCALE(S) \
	WEIGHTS(Q) \
	EIGHT(10) \
	VFMLA V14.S4, V16.S4, A0.S4 \
	VFMLA V15.S4, V17.S4, A1.S4 \
	EIGHT(11) \
	VFMLA V14.S4, V18.S4, A0.S4 \
	VFMLA V15.S4, V19.S4, A1.S4 \
	EIGHT(12) \
	VFMLA V14.S4, V20.S4, A0.S4 \
	VFMLA V15.S4, V21.S4, A1.S4 \
	EIGHT(13) \
	VFMLA V14.S4, V22.S4, A0.S4 \
	VFMLA V15.S4, V23.S4, A1.S4

// X32: the next 32 values of x at R1.
#define X32 \
	FLDPQ.P 32(R1), (F16, F17) \
	FLDPQ.P 32(R1), (F18, F19) \
	FLDPQ.P 32(R1), (F20, F21) \
	FLDPQ.P 32(R1), (F22, F23)

// func vecQ8x4(dst, x *float32, q *int8, scale *uint16, k int)
TEXT ·vecQ8x4(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD q+16(FP), R2
	MOVD scale+24(FP), R3
	MOVD k+32(FP), R4
	ADD  R4, R2, R5
	ADD  R4, R5, R6
	ADD  R4, R6, R7
	ADD  R4>>4, R3, R8      // bytes of scales of a row: k/32*2
	ADD  R4>>4, R8, R9
	ADD  R4>>4, R9, R10
	ZERO8(V0, V1, V2, V3, V4, V5, V6, V7)

loopq4:
	X32
	Q8ROW(R2, R3, V0, V1)
	Q8ROW(R5, R8, V2, V3)
	Q8ROW(R6, R9, V4, V5)
	Q8ROW(R7, R10, V6, V7)
	SUBS $32, R4
	BGT  loopq4

	FOLD4(0, 16)
	FMOVQ F0, (R0)
	RET

// func vecQ8x1(x *float32, q *int8, scale *uint16, k int) float32
TEXT ·vecQ8x1(SB), NOSPLIT, $0-36
	MOVD x+0(FP), R1
	MOVD q+8(FP), R2
	MOVD scale+16(FP), R3
	MOVD k+24(FP), R4
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

loopq1:
	X32
	Q8ROW(R2, R3, V0, V1)
	SUBS $32, R4
	BGT  loopq1

	FOLD1(0, 16)
	FMOVS F0, ret+32(FP)
	RET

// func dequantVec(dst *float32, q *int8, scale *uint16, blocks int)
TEXT ·dequantVec(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD q+8(FP), R2
	MOVD scale+16(FP), R3
	MOVD blocks+24(FP), R4

loopdq:
	SCALE(R3)
	WEIGHTS(R2)
	EIGHT(10)
	FSTPQ.P (F14, F15), 32(R0)
	EIGHT(11)
	FSTPQ.P (F14, F15), 32(R0)
	EIGHT(12)
	FSTPQ.P (F14, F15), 32(R0)
	EIGHT(13)
	FSTPQ.P (F14, F15), 32(R0)
	SUBS $1, R4
	BNE  loopdq
	RET
