#include "textflag.h"

// The bytes of two float16 scales, four times each.
DATA twoScales<>+0(SB)/8, $0x0100010001000100
DATA twoScales<>+8(SB)/8, $0x0302030203020302
GLOBL twoScales<>(SB), RODATA|NOPTR, $16

// PROBE: a probe at P against the halves of bytes in Y8 and Y9: four sums of a
// block in the lower half of Y, four of the next one in the upper half. No sum of
// sixteen bits overflows: they are of four products of 15 and 127.
#define PROBE(P, Y) \
	VPMADDUBSW (P)(R15*2), Y8, Y10 \
	VPMADDUBSW 32(P)(R15*2), Y9, Y7 \
	VPADDW Y7, Y10, Y10 \
	VPMADDWD Y14, Y10, Y

// func dotI4x4(dst *[4]*float32, q *[4]*int8, less *int32, size int, k *uint8, kStride int, scale *uint16, scaleStride int, step *[4]float32, quads int)
TEXT ·dotI4x4(SB), NOSPLIT, $64-80
	MOVQ q+8(FP), AX
	MOVQ (AX), R8
	MOVQ 8(AX), R9
	MOVQ 16(AX), R10
	MOVQ 24(AX), R11
	MOVQ less+16(FP), AX
	MOVQ size+24(FP), CX
	MOVQ k+32(FP), DX
	MOVQ kStride+40(FP), R12
	MOVQ scale+48(FP), SI
	MOVQ scaleStride+56(FP), DI
	MOVQ step+64(FP), BX
	VMOVUPS (BX), X13
	MOVQ quads+72(FP), R13
	VMOVDQU twoScales<>(SB), X12
	VPCMPEQW Y14, Y14, Y14
	VPSRLW $15, Y14, Y14    // 1 in each 16 bits
	VPSLLW $4, Y14, Y15
	VPSUBW Y14, Y15, Y15    // 15
	VPSLLW $8, Y15, Y4
	VPOR   Y4, Y15, Y15     // in each byte
	XORQ BX, BX             // bytes stored of each probe

quad4:
	SHLQ $2, R13            // keys that are left

key4:
	MOVQ R12, R14
	SHLQ $5, R14            // 32 keys ahead
	PREFETCHT0 (DX)(R14*1)
	VXORPS Y11, Y11, Y11
	XORQ R15, R15
	XORQ R14, R14

blocks4:
	VMOVDQU (DX)(R15*1), Y8
	VPSRLW $4, Y8, Y9
	VPAND Y15, Y8, Y8
	VPAND Y15, Y9, Y9
	PROBE(R8, Y0)
	PROBE(R9, Y1)
	PROBE(R10, Y2)
	PROBE(R11, Y3)
	VPHADDD Y1, Y0, Y0
	VPHADDD Y3, Y2, Y2
	VPHADDD Y2, Y0, Y0
	VPSUBD (AX)(R15*1), Y0, Y0
	VCVTDQ2PS Y0, Y0
	VPBROADCASTD (SI)(R14*1), X6
	VPSHUFB X12, X6, X6
	VCVTPH2PS X6, Y6
	VMULPS Y6, Y0, Y0
	VADDPS Y0, Y11, Y11
	ADDQ $4, R14
	ADDQ $32, R15
	CMPQ R15, CX
	JLT  blocks4

	VEXTRACTF128 $1, Y11, X5
	VADDPS X5, X11, X11
	VMULPS X13, X11, X11
	MOVQ R13, R14
	ANDQ $3, R14            // 0, 3, 2, 1
	SHLQ $4, R14
	VMOVUPS X11, (SP)(R14*1)
	ADDQ R12, DX
	ADDQ DI, SI
	DECQ R13
	TESTQ $3, R13
	JNE  key4

	// From key by key to probe by probe.
	VMOVUPS (SP), X0
	VMOVUPS 48(SP), X1
	VMOVUPS 32(SP), X2
	VMOVUPS 16(SP), X3
	VUNPCKLPS X2, X0, X4
	VUNPCKHPS X2, X0, X5
	VUNPCKLPS X3, X1, X6
	VUNPCKHPS X3, X1, X7
	VUNPCKLPS X6, X4, X0
	VUNPCKHPS X6, X4, X1
	VUNPCKLPS X7, X5, X2
	VUNPCKHPS X7, X5, X3
	MOVQ dst+0(FP), R15
	MOVQ (R15), R14
	VMOVUPS X0, (R14)(BX*1)
	MOVQ 8(R15), R14
	VMOVUPS X1, (R14)(BX*1)
	MOVQ 16(R15), R14
	VMOVUPS X2, (R14)(BX*1)
	MOVQ 24(R15), R14
	VMOVUPS X3, (R14)(BX*1)
	ADDQ $16, BX
	SHRQ $2, R13
	JNZ  quad4
	VZEROUPPER
	RET
