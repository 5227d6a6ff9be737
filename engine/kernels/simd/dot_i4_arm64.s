#include "textflag.h"
#include "neon_arm64.h"

// I4ROW: the next 64 values of a probe at R against the halves of bytes in V20 and V21,
// of a block, and in V22 and V23, of the one after it: four sums of each in E and O. No
// sum of sixteen bits overflows: they are of four products of 15 and 127.
#define I4ROW(R, E, O) \
	VLD1.P 64(R), [V12.B16, V13.B16, V14.B16, V15.B16] \
	SMULLB(12, 20, E) \
	SMLALB_2(12, 20, E) \
	SMLALB(14, 21, E) \
	SMLALB_2(14, 21, E) \
	SADDLP4(E, E) \
	SMULLB(13, 22, O) \
	SMLALB_2(13, 22, O) \
	SMLALB(15, 23, O) \
	SMLALB_2(15, 23, O) \
	SADDLP4(O, O)

// I4BLOCK: what the four probes have of a block, in registers A to D, less what the
// keys' 8 adds to it, times its scale, added to register sum.
#define I4BLOCK(A, B, C, D, VA, sum) \
	ADDP4(B, A, A) \
	ADDP4(D, C, C) \
	ADDP4(C, A, A) \
	VLD1.P 16(R24), [V4.S4] \
	VSUB V4.S4, VA.S4, VA.S4 \
	SCVTF4(A, A) \
	SCALE(R25) \
	FMUL4(8, A, A) \
	FADD4(A, sum, sum)

// func dotI4x4(dst *[4]*float32, q *[4]*int8, less *int32, size int, k *uint8, kStride int, scale *uint16, scaleStride int, step *[4]float32, quads int)
TEXT ·dotI4x4(SB), NOSPLIT, $0-80
	FOUR_ROWS
	MOVD  size+24(FP), R1
	MOVD  k+32(FP), R2
	MOVD  kStride+40(FP), R3
	MOVD  scale+48(FP), R8
	MOVD  scaleStride+56(FP), R9
	MOVD  step+64(FP), R0
	FMOVQ (R0), F3
	MOVD  quads+72(FP), R14
	LSL   $2, R14           // keys that are left
	VMOVI $15, V2.B16

keyi4:
	VEOR V0.B16, V0.B16, V0.B16
	VEOR V1.B16, V1.B16, V1.B16
	KEY_BEGINS
	MOVD less+16(FP), R24
	MOVD R8, R25

loopi4:
	VLD1.P 32(R15), [V10.B16, V11.B16]
	VAND   V2.B16, V10.B16, V20.B16
	VUSHR  $4, V10.B16, V21.B16
	VAND   V2.B16, V11.B16, V22.B16
	VUSHR  $4, V11.B16, V23.B16
	I4ROW(R19, 24, 28)
	I4ROW(R20, 25, 29)
	I4ROW(R21, 26, 30)
	I4ROW(R22, 27, 31)
	I4BLOCK(24, 25, 26, 27, V24, 0)
	I4BLOCK(28, 29, 30, 31, V28, 1)
	SUBS $32, R23
	BGT  loopi4

	FADD4(1, 0, 0)
	FMUL4(3, 0, 0)
	KEY_ENDS(V0)
	BNE  keyi4
	RET
