#include "textflag.h"

// func maxVec(x *float32, n int) float32
TEXT ·maxVec(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VMOVUPS (SI), Y0
	VXORPS Y2, Y2, Y2       // where a NaN was: VMAXPS forgets it

loopmax:
	VMOVUPS (SI), Y1
	VMAXPS Y1, Y0, Y0
	VCMPPS $3, Y1, Y1, Y3
	VORPS  Y3, Y2, Y2
	ADDQ $32, SI
	SUBQ $8, CX
	JGT  loopmax
	VMOVMSKPS Y2, AX
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VMAXPS X1, X0, X0
	VMOVSHDUP X0, X1
	VMAXSS X1, X0, X0
	TESTL AX, AX
	JEQ  number
	VPCMPEQD X0, X0, X0

number:
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// func scaleVec(x *float32, n int, a float32)
TEXT ·scaleVec(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS a+16(FP), Y1

loopsc:
	VMULPS (SI), Y1, Y0
	VMOVUPS Y0, (SI)
	ADDQ $32, SI
	SUBQ $8, CX
	JGT  loopsc
	VZEROUPPER
	RET
