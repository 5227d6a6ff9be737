#include "textflag.h"
#include "neon_arm64.h"

// I8ROW: sixteen values of a row of q at R against those of a key in V9 and V10, added
// to A and B. Goes on to the values after them.
#define I8ROW(R, A, B) \
	FLDPQ.P 32(R), (F11, F12) \
	SMLAL4(11, 9, A) \
	SMLAL4_2(11, 9, B) \
	SMLAL4(12, 10, A) \
	SMLAL4_2(12, 10, B)

// func dotI8x4(dst *[4]*float32, q *[4]*int16, d int, k *int8, kStride int, scale *float32, scaleStride int, step *[4]float32, quads int)
TEXT ·dotI8x4(SB), NOSPLIT, $0-72
	FOUR_ROWS
	MOVD  d+16(FP), R1
	MOVD  k+24(FP), R2
	MOVD  kStride+32(FP), R3
	MOVD  scale+40(FP), R8
	MOVD  scaleStride+48(FP), R9
	MOVD  step+56(FP), R0
	FMOVQ (R0), F31
	MOVD  quads+64(FP), R14
	LSL   $2, R14           // keys that are left

keyi8:
	ZERO8(V0, V1, V2, V3, V4, V5, V6, V7)
	KEY_BEGINS

loopi8:
	VLD1.P 16(R15), [V8.B16]
	SXTL8(8, 9)
	SXTL8_2(8, 10)
	I8ROW(R19, 0, 1)
	I8ROW(R20, 2, 3)
	I8ROW(R21, 4, 5)
	I8ROW(R22, 6, 7)
	SUBS $16, R23
	BGT  loopi8

	VADD V1.S4, V0.S4, V0.S4
	VADD V3.S4, V2.S4, V2.S4
	VADD V5.S4, V4.S4, V4.S4
	VADD V7.S4, V6.S4, V6.S4
	ADDP4(2, 0, 0)
	ADDP4(6, 4, 4)
	ADDP4(4, 0, 0)
	SCVTF4(0, 0)
	VLD1R (R8), [V9.S4]
	FMUL4(31, 0, 0)
	FMUL4(9, 0, 0)
	KEY_ENDS(V0)
	BNE  keyi8
	RET
