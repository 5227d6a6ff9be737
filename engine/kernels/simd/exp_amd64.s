#include "textflag.h"
#include "fold_amd64.h"

// Constants of exp, eight times each.
#define VEC(name, bits) \
DATA name<>+0(SB)/4, $bits \
DATA name<>+4(SB)/4, $bits \
DATA name<>+8(SB)/4, $bits \
DATA name<>+12(SB)/4, $bits \
DATA name<>+16(SB)/4, $bits \
DATA name<>+20(SB)/4, $bits \
DATA name<>+24(SB)/4, $bits \
DATA name<>+28(SB)/4, $bits \
GLOBL name<>(SB), RODATA|NOPTR, $32

VEC(log2e, 0x3fb8aa3b)  // 1/ln 2
VEC(ln2hi, 0x3f318000)  // 0.693359375
VEC(ln2lo, 0xb95e8083)  // ln 2 - ln2hi
VEC(expP0, 0x39506967)  // 1.9875691500e-4
VEC(expP1, 0x3ab743ce)  // 1.3981999507e-3
VEC(expP2, 0x3c088908)  // 8.3334519073e-3
VEC(expP3, 0x3d2aa9c1)  // 4.1665795894e-2
VEC(expP4, 0x3e2aaaaa)  // 1.6666665459e-1
VEC(expP5, 0x3f000000)  // 5.0000001201e-1
VEC(one,   0x3f800000)
VEC(least, 0xc2aeac4f)  // -126 ln 2, rounded up: below it exp would be subnormal and counts as 0
VEC(most,  0x42b17217)  // 128 ln 2, rounded down: above it exp is +Inf
VEC(inf,   0x7f800000)
VEC(sign,  0x80000000)

// EXP: Y0 = exp(Y0). Uses Y1, Y2, Y3, Y7. A NaN stays one. At n = 128 the
// polynomial is below 1, so that its exponent plus n is still that of a float.
#define EXP \
	VCMPPS  $1, least<>(SB), Y0, Y3 \ // Y3 = Y0 < least
	VCMPPS  $14, most<>(SB), Y0, Y7 \ // Y7 = Y0 > most
	VMOVUPS least<>(SB), Y1 \
	VMAXPS  Y0, Y1, Y0 \
	VMOVUPS most<>(SB), Y1 \
	VMINPS  Y0, Y1, Y0 \
	VMULPS  log2e<>(SB), Y0, Y1 \
	VROUNDPS $0, Y1, Y1 \             // n, the nearest whole power of two
	VFNMADD231PS ln2hi<>(SB), Y1, Y0 \
	VFNMADD231PS ln2lo<>(SB), Y1, Y0 \ // Y0 = r, at most ln(2)/2
	VCVTPS2DQ Y1, Y1 \
	VPSLLD  $23, Y1, Y1 \
	VMOVUPS expP0<>(SB), Y2 \
	VFMADD213PS expP1<>(SB), Y0, Y2 \
	VFMADD213PS expP2<>(SB), Y0, Y2 \
	VFMADD213PS expP3<>(SB), Y0, Y2 \
	VFMADD213PS expP4<>(SB), Y0, Y2 \
	VFMADD213PS expP5<>(SB), Y0, Y2 \
	VMULPS  Y0, Y2, Y2 \
	VFMADD213PS Y0, Y0, Y2 \          // p r^2 + r
	VADDPS  one<>(SB), Y2, Y0 \
	VPADDD  Y1, Y0, Y0 \              // times 2^n
	VANDNPS Y0, Y3, Y0 \
	VBLENDVPS Y7, inf<>(SB), Y0, Y0

// func expSum256(x *float32, n int, m float32) float32
TEXT ·expSum256(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS m+16(FP), Y5
	VXORPS Y4, Y4, Y4

loopes:
	VMOVUPS (SI), Y0
	VSUBPS Y5, Y0, Y0
	EXP
	VMOVUPS Y0, (SI)
	VADDPS Y0, Y4, Y4
	ADDQ $32, SI
	SUBQ $8, CX
	JGT  loopes
	FOLD1(Y4, X4, X14)
	VMOVSS X4, ret+24(FP)
	VZEROUPPER
	RET

// func sumExp256(x *float32, n int, m float32) float32
TEXT ·sumExp256(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS m+16(FP), Y5
	VXORPS Y4, Y4, Y4

loopse:
	VMOVUPS (SI), Y0
	VSUBPS Y5, Y0, Y0
	EXP
	VADDPS Y0, Y4, Y4
	ADDQ $32, SI
	SUBQ $8, CX
	JGT  loopse
	FOLD1(Y4, X4, X14)
	VMOVSS X4, ret+24(FP)
	VZEROUPPER
	RET

// func addExp256(dst, x *float32, n int, m, inv float32)
TEXT ·addExp256(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS m+24(FP), Y5
	VBROADCASTSS inv+28(FP), Y6

loopae:
	VMOVUPS (SI), Y0
	VSUBPS Y5, Y0, Y0
	EXP
	VMULPS Y6, Y0, Y0
	VADDPS (DI), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JGT  loopae
	VZEROUPPER
	RET

// func swiGLUVec(dst, gate, up *float32, n int)
TEXT ·swiGLUVec(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ gate+8(FP), SI
	MOVQ up+16(FP), DX
	MOVQ n+24(FP), CX

loopsg:
	VMOVUPS (SI), Y5
	VXORPS sign<>(SB), Y5, Y0
	EXP
	VADDPS one<>(SB), Y0, Y0
	VDIVPS Y0, Y5, Y5
	VMULPS (DX), Y5, Y5
	VMOVUPS Y5, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, DI
	SUBQ $8, CX
	JGT  loopsg
	VZEROUPPER
	RET

// EXP16 is EXP of sixteen values, bit for bit: Z0 = exp(Z0). Uses Z1 to Z3, K1
// and K2.
#define EXP16 \
	VCMPPS.BCST $1, least<>(SB), Z0, K1 \
	VCMPPS.BCST $14, most<>(SB), Z0, K2 \
	VBROADCASTSS least<>(SB), Z1 \
	VMAXPS  Z0, Z1, Z0 \
	VBROADCASTSS most<>(SB), Z1 \
	VMINPS  Z0, Z1, Z0 \
	VMULPS.BCST log2e<>(SB), Z0, Z1 \
	VRNDSCALEPS $0, Z1, Z1 \
	VFNMADD231PS.BCST ln2hi<>(SB), Z1, Z0 \
	VFNMADD231PS.BCST ln2lo<>(SB), Z1, Z0 \
	VCVTPS2DQ Z1, Z1 \
	VPSLLD  $23, Z1, Z1 \
	VBROADCASTSS expP0<>(SB), Z2 \
	VFMADD213PS.BCST expP1<>(SB), Z0, Z2 \
	VFMADD213PS.BCST expP2<>(SB), Z0, Z2 \
	VFMADD213PS.BCST expP3<>(SB), Z0, Z2 \
	VFMADD213PS.BCST expP4<>(SB), Z0, Z2 \
	VFMADD213PS.BCST expP5<>(SB), Z0, Z2 \
	VMULPS  Z0, Z2, Z2 \
	VFMADD213PS Z0, Z0, Z2 \
	VADDPS.BCST one<>(SB), Z2, Z0 \
	VPADDD  Z1, Z0, Z0 \
	VPXORD  Z3, Z3, Z3 \
	VMOVAPS Z3, K1, Z0 \
	VBROADCASTSS inf<>(SB), K2, Z0

// The sums of these go through eight lanes, as those of the narrow versions: the
// lower half of sixteen values is added first. n is a multiple of 8.

// func expSum512(x *float32, n int, m float32) float32
TEXT ·expSum512(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS m+16(FP), Z5
	VXORPS Y4, Y4, Y4
	SUBQ $16, CX
	JLT  restes5

loopes5:
	VMOVUPS (SI), Z0
	VSUBPS Z5, Z0, Z0
	EXP16
	VMOVUPS Z0, (SI)
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS Y0, Y4, Y4
	VADDPS Y1, Y4, Y4
	ADDQ $64, SI
	SUBQ $16, CX
	JGE  loopes5

restes5:
	ADDQ $8, CX
	JLT  donees5
	VMOVUPS (SI), Y0
	VSUBPS Y5, Y0, Y0
	EXP
	VMOVUPS Y0, (SI)
	VADDPS Y0, Y4, Y4

donees5:
	FOLD1(Y4, X4, X14)
	VMOVSS X4, ret+24(FP)
	VZEROUPPER
	RET

// func sumExp512(x *float32, n int, m float32) float32
TEXT ·sumExp512(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS m+16(FP), Z5
	VXORPS Y4, Y4, Y4
	SUBQ $16, CX
	JLT  restse5

loopse5:
	VMOVUPS (SI), Z0
	VSUBPS Z5, Z0, Z0
	EXP16
	VEXTRACTF64X4 $1, Z0, Y1
	VADDPS Y0, Y4, Y4
	VADDPS Y1, Y4, Y4
	ADDQ $64, SI
	SUBQ $16, CX
	JGE  loopse5

restse5:
	ADDQ $8, CX
	JLT  donese5
	VMOVUPS (SI), Y0
	VSUBPS Y5, Y0, Y0
	EXP
	VADDPS Y0, Y4, Y4

donese5:
	FOLD1(Y4, X4, X14)
	VMOVSS X4, ret+24(FP)
	VZEROUPPER
	RET

// func addExp512(dst, x *float32, n int, m, inv float32)
TEXT ·addExp512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	VBROADCASTSS m+24(FP), Z5
	VBROADCASTSS inv+28(FP), Z6
	SUBQ $16, CX
	JLT  restae5

loopae5:
	VMOVUPS (SI), Z0
	VSUBPS Z5, Z0, Z0
	EXP16
	VMULPS Z6, Z0, Z0
	VADDPS (DI), Z0, Z0
	VMOVUPS Z0, (DI)
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $16, CX
	JGE  loopae5

restae5:
	ADDQ $8, CX
	JLT  doneae5
	VMOVUPS (SI), Y0
	VSUBPS Y5, Y0, Y0
	EXP
	VMULPS Y6, Y0, Y0
	VADDPS (DI), Y0, Y0
	VMOVUPS Y0, (DI)

doneae5:
	VZEROUPPER
	RET
