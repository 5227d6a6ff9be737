#include "textflag.h"
#include "neon_arm64.h"

// func f16ToF32Vec(dst *float32, src *uint16, n int)
TEXT ·f16ToF32Vec(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2

loopup:
	FMOVQ.P 16(R1), F2
	FCVTL(2, 0)
	FCVTL2(2, 1)
	FSTPQ.P (F0, F1), 32(R0)
	SUBS $8, R2
	BGT  loopup
	RET

// func f32ToF16Vec(dst *uint16, src *float32, n int)
TEXT ·f32ToF16Vec(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD src+8(FP), R1
	MOVD n+16(FP), R2

loopdown:
	FLDPQ.P 32(R1), (F0, F1)
	FCVTN(0, 2)
	FCVTN2(1, 2)
	FMOVQ.P F2, 16(R0)
	SUBS $8, R2
	BGT  loopdown
	RET

// HALFROW: a row of float16 weights at FROM, whose next eight values meet x in V16 and
// V17.
#define HALFROW(FROM, A0, A1) \
	FMOVQ.P 16(FROM), F18 \
	FCVTL(18, 19) \
	FCVTL2(18, 20) \
	VFMLA V19.S4, V16.S4, A0.S4 \
	VFMLA V20.S4, V17.S4, A1.S4

// func vecF16x8(dst, x *float32, w *uint16, wStride, k8 int)
TEXT ·vecF16x8(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD w+16(FP), R2
	MOVD wStride+24(FP), R3
	MOVD k8+32(FP), R4
	EIGHT_ROWS

loopf8:
	FLDPQ.P 32(R1), (F16, F17)
	EACH_ROW(HALFROW)
	SUBS $8, R4
	BGT  loopf8

	STORE_ROWS
	RET

// func vecF16x1(x *float32, w *uint16, k8 int) float32
TEXT ·vecF16x1(SB), NOSPLIT, $0-28
	MOVD x+0(FP), R1
	MOVD w+8(FP), R2
	MOVD k8+16(FP), R4
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16

loopf1:
	FLDPQ.P 32(R1), (F16, F17)
	HALFROW(R2, V0, V1)
	SUBS $8, R4
	BGT  loopf1

	FOLD1(0, 16)
	FMOVS F0, ret+24(FP)
	RET
