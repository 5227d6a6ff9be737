#include "textflag.h"

// HALF: the float16 at s in all lanes of y, whose lower half is x.
#define HALF(s, x, y) \
	MOVWLZX s, R14 \
	VMOVD R14, x \
	VCVTPH2PS x, x \
	VBROADCASTSS x, y

// NIBBLES: the lower halves of 16 bytes at AX in X1, the upper ones in X2. X10 has
// the lower half of every byte set.
#define NIBBLES \
	VMOVDQU (AX), X0 \
	VPSRLW $4, X0, X2 \
	VPAND X10, X0, X1 \
	VPAND X10, X2, X2

// FLOATS: the bytes of X1 and X2 as float32 in Y3 to Y6, times Y9.
#define FLOATS \
	VPMOVSXBD X1, Y3 \
	VPSRLDQ $8, X1, X1 \
	VPMOVSXBD X1, Y4 \
	VPMOVSXBD X2, Y5 \
	VPSRLDQ $8, X2, X2 \
	VPMOVSXBD X2, Y6 \
	VCVTDQ2PS Y3, Y3 \
	VCVTDQ2PS Y4, Y4 \
	VCVTDQ2PS Y5, Y5 \
	VCVTDQ2PS Y6, Y6 \
	VMULPS Y3, Y9, Y3 \
	VMULPS Y4, Y9, Y4 \
	VMULPS Y5, Y9, Y5 \
	VMULPS Y6, Y9, Y6

#define STORE \
	VMOVUPS Y3, (DI) \
	VMOVUPS Y4, 32(DI) \
	VMOVUPS Y5, 64(DI) \
	VMOVUPS Y6, 96(DI)

// func dequantQ4_0Vec(dst *float32, q *uint8, scale *uint16, blocks int)
TEXT ·dequantQ4_0Vec(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), AX
	MOVQ scale+16(FP), R8
	MOVQ blocks+24(FP), CX
	MOVQ $0x0f0f0f0f0f0f0f0f, BX
	VMOVQ BX, X10
	VPBROADCASTQ X10, X10
	MOVQ $0x0808080808080808, BX
	VMOVQ BX, X11
	VPBROADCASTQ X11, X11

loop0:
	HALF((R8), X9, Y9)
	NIBBLES
	VPSUBB X11, X1, X1
	VPSUBB X11, X2, X2
	FLOATS
	STORE
	ADDQ $16, AX
	ADDQ $2, R8
	ADDQ $128, DI
	DECQ CX
	JNZ  loop0
	VZEROUPPER
	RET

// func dequantQ4_1Vec(dst *float32, q *uint8, pairs *uint16, blocks int)
TEXT ·dequantQ4_1Vec(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), AX
	MOVQ pairs+16(FP), R8
	MOVQ blocks+24(FP), CX
	MOVQ $0x0f0f0f0f0f0f0f0f, BX
	VMOVQ BX, X10
	VPBROADCASTQ X10, X10

loop1:
	HALF((R8), X9, Y9)
	HALF(2(R8), X12, Y12)
	NIBBLES
	FLOATS
	VADDPS Y3, Y12, Y3
	VADDPS Y4, Y12, Y4
	VADDPS Y5, Y12, Y5
	VADDPS Y6, Y12, Y6
	STORE
	ADDQ $16, AX
	ADDQ $4, R8
	ADDQ $128, DI
	DECQ CX
	JNZ  loop1
	VZEROUPPER
	RET
