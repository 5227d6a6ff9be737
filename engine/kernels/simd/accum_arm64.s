#include "textflag.h"

// WEIGH: the next weight of a row at FROM, times sixteen values in V16 to V19, added to
// A to D.
#define WEIGH(FROM, W, A, B, C, D) \
	VLD1R.P 4(FROM), [W.S4] \
	VFMLA W.S4, V16.S4, A.S4 \
	VFMLA W.S4, V17.S4, B.S4 \
	VFMLA W.S4, V18.S4, C.S4 \
	VFMLA W.S4, V19.S4, D.S4

// func pv4x16(o *float32, oStride int, p *float32, pStride int, v *float32, vStride, n int)
TEXT ·pv4x16(SB), NOSPLIT, $0-56
	MOVD o+0(FP), R0
	MOVD oStride+8(FP), R1
	MOVD p+16(FP), R2
	MOVD pStride+24(FP), R3
	MOVD v+32(FP), R4
	MOVD vStride+40(FP), R5
	MOVD n+48(FP), R6
	ADD  R1, R0, R7
	ADD  R1, R7, R8
	ADD  R1, R8, R9
	ADD  R3, R2, R10
	ADD  R3, R10, R11
	ADD  R3, R11, R12
	VLD1 (R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1 (R7), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1 (R8), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1 (R9), [V12.S4, V13.S4, V14.S4, V15.S4]

looppv4:
	FLDPQ (R4), (F16, F17)
	FLDPQ 32(R4), (F18, F19)
	WEIGH(R2, V20, V0, V1, V2, V3)
	WEIGH(R10, V21, V4, V5, V6, V7)
	WEIGH(R11, V22, V8, V9, V10, V11)
	WEIGH(R12, V23, V12, V13, V14, V15)
	ADD  R5, R4
	SUBS $1, R6
	BNE  looppv4
	VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R0)
	VST1 [V4.S4, V5.S4, V6.S4, V7.S4], (R7)
	VST1 [V8.S4, V9.S4, V10.S4, V11.S4], (R8)
	VST1 [V12.S4, V13.S4, V14.S4, V15.S4], (R9)
	RET

// func pv1x8(o, p, v *float32, vStride, n int)
TEXT ·pv1x8(SB), NOSPLIT, $0-40
	MOVD  o+0(FP), R0
	MOVD  p+8(FP), R2
	MOVD  v+16(FP), R4
	MOVD  vStride+24(FP), R5
	MOVD  n+32(FP), R6
	FLDPQ (R0), (F0, F1)

looppv1:
	FLDPQ (R4), (F16, F17)
	VLD1R.P 4(R2), [V20.S4]
	VFMLA V20.S4, V16.S4, V0.S4
	VFMLA V20.S4, V17.S4, V1.S4
	ADD   R5, R4
	SUBS  $1, R6
	BNE   looppv1
	FSTPQ (F0, F1), (R0)
	RET

// func pv1x1(o, p, v *float32, vStride, n int)
TEXT ·pv1x1(SB), NOSPLIT, $0-40
	MOVD  o+0(FP), R0
	MOVD  p+8(FP), R2
	MOVD  v+16(FP), R4
	MOVD  vStride+24(FP), R5
	MOVD  n+32(FP), R6
	FMOVS (R0), F0

looppvm:
	FMOVS   (R4), F1
	FMOVS.P 4(R2), F2
	FMADDS  F1, F0, F2, F0
	ADD     R5, R4
	SUBS    $1, R6
	BNE     looppvm
	FMOVS   F0, (R0)
	RET
