#include "textflag.h"

// func maxLessVec(dst, x *float32, stride int, less *float32, heads, n int)
TEXT ·maxLessVec(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ stride+16(FP), R8
	MOVQ less+24(FP), DX
	MOVQ heads+32(FP), R9
	MOVQ n+40(FP), CX
	SHLQ $2, R8
	DECQ R9

loopml:
	MOVQ SI, R10
	MOVQ DX, R11
	MOVQ R9, R12
	VBROADCASTSS (R11), Y4
	VMOVUPS (R10), Y0
	VMOVUPS 32(R10), Y1
	VMOVUPS 64(R10), Y2
	VMOVUPS 96(R10), Y3
	VSUBPS Y4, Y0, Y0
	VSUBPS Y4, Y1, Y1
	VSUBPS Y4, Y2, Y2
	VSUBPS Y4, Y3, Y3
	TESTQ R12, R12
	JEQ  storeml

headml:
	ADDQ R8, R10
	ADDQ $4, R11
	VBROADCASTSS (R11), Y4
	VMOVUPS (R10), Y5
	VMOVUPS 32(R10), Y6
	VMOVUPS 64(R10), Y7
	VMOVUPS 96(R10), Y8
	VSUBPS Y4, Y5, Y5
	VSUBPS Y4, Y6, Y6
	VSUBPS Y4, Y7, Y7
	VSUBPS Y4, Y8, Y8
	VMAXPS Y5, Y0, Y0
	VMAXPS Y6, Y1, Y1
	VMAXPS Y7, Y2, Y2
	VMAXPS Y8, Y3, Y3
	DECQ R12
	JNZ  headml

storeml:
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ $128, SI
	ADDQ $128, DI
	SUBQ $32, CX
	JGT  loopml
	VZEROUPPER
	RET

// func peaksVec(dst, x *float32, tiles int)
TEXT ·peaksVec(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ tiles+16(FP), CX

looppk:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMAXPS 64(SI), Y0, Y0
	VMAXPS 96(SI), Y1, Y1
	VMAXPS 128(SI), Y0, Y0
	VMAXPS 160(SI), Y1, Y1
	VMAXPS 192(SI), Y0, Y0
	VMAXPS 224(SI), Y1, Y1
	VMAXPS Y1, Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $256, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  looppk
	VZEROUPPER
	RET

// func countFromVec(x *float32, n int, least float32) int
TEXT ·countFromVec(SB), NOSPLIT, $0-32
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS least+16(FP), Y1
	VPXOR Y2, Y2, Y2

loopcf:
	VMOVUPS (SI), Y0
	VCMPPS $13, Y1, Y0, Y0  // x >= least: -1
	VPSUBD Y0, Y2, Y2
	ADDQ $32, SI
	SUBQ $8, CX
	JGT  loopcf
	VEXTRACTI128 $1, Y2, X0
	VPADDD X0, X2, X2
	VPHADDD X2, X2, X2
	VPHADDD X2, X2, X2
	VMOVD X2, AX
	MOVQ AX, ret+24(FP)
	VZEROUPPER
	RET

// func indexFromVec(dst *uint32, x *float32, n int, least float32) int
TEXT ·indexFromVec(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS least+24(FP), Y1
	MOVQ DI, R8
	XORQ BX, BX             // index of the first of eight

loopif:
	VMOVUPS (SI)(BX*4), Y0
	VCMPPS $13, Y1, Y0, Y0
	VMOVMSKPS Y0, AX
	TESTL AX, AX
	JEQ  nextif

oneif:
	BSFL AX, DX
	LEAL (BX)(DX*1), R9
	MOVL R9, (DI)
	ADDQ $4, DI
	LEAL -1(AX), DX
	ANDL DX, AX
	JNZ  oneif

nextif:
	ADDQ $8, BX
	CMPQ BX, CX
	JLT  loopif
	SUBQ R8, DI
	SHRQ $2, DI
	MOVQ DI, ret+32(FP)
	VZEROUPPER
	RET
