#include "textflag.h"
#include "neon_arm64.h"

// NIBBLES: the lower halves of the next 16 bytes at R1 in V0, the upper ones in V1.
// V16 has the lower half of every byte set.
#define NIBBLES \
	FMOVQ.P 16(R1), F2 \
	VAND  V16.B16, V2.B16, V0.B16 \
	VUSHR $4, V2.B16, V1.B16

// WIDEN: the bytes of V0 and V1 as int16 in V10 to V13.
#define WIDEN \
	SXTL8(0, 10) \
	SXTL8_2(0, 11) \
	SXTL8(1, 12) \
	SXTL8_2(1, 13)

// func dequantQ4_0Vec(dst *float32, q *uint8, scale *uint16, blocks int)
TEXT ·dequantQ4_0Vec(SB), NOSPLIT, $0-32
	MOVD  dst+0(FP), R0
	MOVD  q+8(FP), R1
	MOVD  scale+16(FP), R2
	MOVD  blocks+24(FP), R3
	VMOVI $15, V16.B16
	VMOVI $8, V17.B16

loop0:
	SCALE(R2)
	NIBBLES
	VSUB V17.B16, V0.B16, V0.B16
	VSUB V17.B16, V1.B16, V1.B16
	WIDEN
	EIGHT(10)
	FSTPQ.P (F14, F15), 32(R0)
	EIGHT(11)
	FSTPQ.P (F14, F15), 32(R0)
	EIGHT(12)
	FSTPQ.P (F14, F15), 32(R0)
	EIGHT(13)
	FSTPQ.P (F14, F15), 32(R0)
	SUBS $1, R3
	BNE  loop0
	RET

// LEAST: EIGHT, plus the minimum in V9, to R0.
#define LEAST(w) \
	EIGHT(w) \
	FADD4(9, 14, 14) \
	FADD4(9, 15, 15) \
	FSTPQ.P (F14, F15), 32(R0)

// func dequantQ4_1Vec(dst *float32, q *uint8, pairs *uint16, blocks int)
TEXT ·dequantQ4_1Vec(SB), NOSPLIT, $0-32
	MOVD  dst+0(FP), R0
	MOVD  q+8(FP), R1
	MOVD  pairs+16(FP), R2
	MOVD  blocks+24(FP), R3
	VMOVI $15, V16.B16

loop1:
	SCALE(R2)
	VLD1R.P 2(R2), [V9.H8]
	FCVTL(9, 9)
	NIBBLES
	WIDEN
	LEAST(10)
	LEAST(11)
	LEAST(12)
	LEAST(13)
	SUBS $1, R3
	BNE  loop1
	RET
