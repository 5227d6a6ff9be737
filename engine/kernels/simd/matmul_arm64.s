#include "textflag.h"
#include "neon_arm64.h"

// ROW4: a row of w at FROM, whose next eight values meet three rows of x in V24 to V29:
// sums of the first in A0 and A1, of the second in B0 and B1, of the third in C0 and C1.
#define ROW4(FROM, A0, A1, B0, B1, C0, C1) \
	FLDPQ.P 32(FROM), (F30, F31) \
	VFMLA V30.S4, V24.S4, A0.S4 \
	VFMLA V31.S4, V25.S4, A1.S4 \
	VFMLA V30.S4, V26.S4, B0.S4 \
	VFMLA V31.S4, V27.S4, B1.S4 \
	VFMLA V30.S4, V28.S4, C0.S4 \
	VFMLA V31.S4, V29.S4, C1.S4

// func tile4x3(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, k8 int)
TEXT ·tile4x3(SB), NOSPLIT, $0-56
	MOVD dst+0(FP), R0
	MOVD dstStride+8(FP), R1
	MOVD x+16(FP), R2
	MOVD xStride+24(FP), R3
	MOVD w+32(FP), R4
	MOVD wStride+40(FP), R5
	MOVD k8+48(FP), R6
	ADD  R3, R2, R7
	ADD  R3, R7, R8
	ADD  R5, R4, R9
	ADD  R5, R9, R10
	ADD  R5, R10, R11
	ZERO8(V0, V1, V2, V3, V4, V5, V6, V7)
	ZERO8(V8, V9, V10, V11, V12, V13, V14, V15)
	ZERO8(V16, V17, V18, V19, V20, V21, V22, V23)

loop43:
	FLDPQ.P 32(R2), (F24, F25)
	FLDPQ.P 32(R7), (F26, F27)
	FLDPQ.P 32(R8), (F28, F29)
	ROW4(R4, V0, V1, V8, V9, V16, V17)
	ROW4(R9, V2, V3, V10, V11, V18, V19)
	ROW4(R10, V4, V5, V12, V13, V20, V21)
	ROW4(R11, V6, V7, V14, V15, V22, V23)
	SUBS $8, R6
	BGT  loop43

	FOLD4(0, 24)
	FOLD4(8, 24)
	FOLD4(16, 24)
	FMOVQ F0, (R0)
	ADD   R1, R0
	FMOVQ F8, (R0)
	ADD   R1, R0
	FMOVQ F16, (R0)
	RET

// ROW8: a row of w at FROM, whose next eight values meet x in V16 and V17.
#define ROW8(FROM, A0, A1) \
	FLDPQ.P 32(FROM), (F18, F19) \
	VFMLA V18.S4, V16.S4, A0.S4 \
	VFMLA V19.S4, V17.S4, A1.S4

// func tile8x1(dst, x, w *float32, wStride, k8 int)
TEXT ·tile8x1(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD w+16(FP), R2
	MOVD wStride+24(FP), R3
	MOVD k8+32(FP), R4
	EIGHT_ROWS

loop81:
	FLDPQ.P 32(R1), (F16, F17)
	EACH_ROW(ROW8)
	SUBS $8, R4
	BGT  loop81

	STORE_ROWS
	RET

// func tile1x1(x, w *float32, k8 int) float32
TEXT ·tile1x1(SB), NOSPLIT, $0-28
	MOVD x+0(FP), R1
	MOVD w+8(FP), R2
	MOVD k8+16(FP), R4
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

loop11:
	FLDPQ.P 32(R1), (F16, F17)
	ROW8(R2, V0, V1)
	SUBS $8, R4
	BGT  loop11

	FOLD1(0, 16)
	FMOVS F0, ret+24(FP)
	RET
