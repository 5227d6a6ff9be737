#include "textflag.h"

// ROW: a row of q at P against two keys in Y8 and Y9.
#define ROW(P, YA, YB) \
	VMOVDQU (P)(R15*2), Y12 \
	VPMADDWD Y12, Y8, Y10 \
	VPMADDWD Y12, Y9, Y11 \
	VPADDD Y10, YA, YA \
	VPADDD Y11, YB, YB

// PAIR: the products of four rows of q and the two keys at DX, times steps and
// scales, into Y: four rows for the first key, four for the second. Goes on to
// the keys after them.
#define PAIR(loop, Y) \
	LEAQ (DX)(R12*1), AX \
	PREFETCHT0 (DX)(R14*1) \
	PREFETCHT0 (AX)(R14*1) \
	VPXOR Y0, Y0, Y0 \
	VPXOR Y1, Y1, Y1 \
	VPXOR Y2, Y2, Y2 \
	VPXOR Y3, Y3, Y3 \
	VPXOR Y4, Y4, Y4 \
	VPXOR Y5, Y5, Y5 \
	VPXOR Y6, Y6, Y6 \
	VPXOR Y7, Y7, Y7 \
	XORQ R15, R15 \
loop: \
	VPMOVSXBW (DX)(R15*1), Y8 \
	VPMOVSXBW (AX)(R15*1), Y9 \
	ROW(R8, Y0, Y4) \
	ROW(R9, Y1, Y5) \
	ROW(R10, Y2, Y6) \
	ROW(R11, Y3, Y7) \
	ADDQ $16, R15 \
	CMPQ R15, CX \
	JLT  loop \
	VPHADDD Y1, Y0, Y0 \
	VPHADDD Y3, Y2, Y2 \
	VPHADDD Y5, Y4, Y4 \
	VPHADDD Y7, Y6, Y6 \
	VPHADDD Y2, Y0, Y0 \
	VPHADDD Y6, Y4, Y4 \
	VPERM2I128 $0x20, Y4, Y0, Y1 \
	VPERM2I128 $0x31, Y4, Y0, Y2 \
	VPADDD Y2, Y1, Y0 \
	VCVTDQ2PS Y0, Y0 \
	VBROADCASTSS (SI), X1 \
	VBROADCASTSS (SI)(DI*1), X2 \
	VINSERTF128 $1, X2, Y1, Y1 \
	VMULPS Y14, Y0, Y0 \
	VMULPS Y1, Y0, Y \
	LEAQ (SI)(DI*2), SI \
	LEAQ (DX)(R12*2), DX

// func dotI8x4(dst *[4]*float32, q *[4]*int16, d int, k *int8, kStride int, scale *float32, scaleStride int, step *[4]float32, quads int)
TEXT ·dotI8x4(SB), NOSPLIT, $0-72
	MOVQ q+8(FP), AX
	MOVQ (AX), R8
	MOVQ 8(AX), R9
	MOVQ 16(AX), R10
	MOVQ 24(AX), R11
	MOVQ d+16(FP), CX
	MOVQ k+24(FP), DX
	MOVQ kStride+32(FP), R12
	MOVQ scale+40(FP), SI
	MOVQ scaleStride+48(FP), DI
	MOVQ step+56(FP), AX
	VBROADCASTF128 (AX), Y14
	MOVQ quads+64(FP), R13
	MOVQ R12, R14
	SHLQ $5, R14            // 32 keys ahead
	XORQ BX, BX             // bytes stored of each row

quad:
	PAIR(first, Y13)
	PAIR(second, Y0)

	// From key by key to row by row.
	VUNPCKLPS Y0, Y13, Y1
	VUNPCKHPS Y0, Y13, Y2
	VEXTRACTF128 $1, Y1, X3
	VEXTRACTF128 $1, Y2, X4
	VUNPCKLPS X3, X1, X5
	VUNPCKHPS X3, X1, X6
	VUNPCKLPS X4, X2, X7
	VUNPCKHPS X4, X2, X8
	MOVQ dst+0(FP), AX
	MOVQ (AX), R15
	VMOVUPS X5, (R15)(BX*1)
	MOVQ 8(AX), R15
	VMOVUPS X6, (R15)(BX*1)
	MOVQ 16(AX), R15
	VMOVUPS X7, (R15)(BX*1)
	MOVQ 24(AX), R15
	VMOVUPS X8, (R15)(BX*1)
	ADDQ $16, BX
	DECQ R13
	JNZ  quad
	VZEROUPPER
	RET
