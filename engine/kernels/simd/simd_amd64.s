#include "textflag.h"

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
VEC(least, 0xc2ae0000)  // -87: below it exp counts as 0
VEC(most,  0x42b00000)  // 88: above it exp stays at exp(88)
VEC(sign,  0x80000000)

// EXP: Y0 = exp(Y0). Uses Y1, Y2, Y3. A NaN stays one.
#define EXP \
	VCMPPS  $1, least<>(SB), Y0, Y3 \ // Y3 = Y0 < least
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
	VANDNPS Y0, Y3, Y0

// FOLD: the four sums of Y(a)..Y(d), lane by lane, into X(a).
// Order within one: ((0+4)+(2+6)) + ((1+5)+(3+7)).
#define FOLD4(YA, XA, YB, XB, YC, XC, YD, XD, XT, XU) \
	VEXTRACTF128 $1, YA, XT \
	VADDPS  XT, XA, XA \
	VEXTRACTF128 $1, YB, XT \
	VADDPS  XT, XB, XB \
	VEXTRACTF128 $1, YC, XT \
	VADDPS  XT, XC, XC \
	VEXTRACTF128 $1, YD, XT \
	VADDPS  XT, XD, XD \
	VUNPCKLPS XB, XA, XT \
	VUNPCKHPS XB, XA, XU \
	VADDPS  XU, XT, XA \
	VUNPCKLPS XD, XC, XT \
	VUNPCKHPS XD, XC, XU \
	VADDPS  XU, XT, XC \
	VMOVLHPS XC, XA, XT \
	VMOVHLPS XA, XC, XU \
	VADDPS  XU, XT, XA

// FOLD1: the sum of YA into the first lane of XA.
#define FOLD1(YA, XA, XT) \
	VEXTRACTF128 $1, YA, XT \
	VADDPS  XT, XA, XA \
	VMOVHLPS XA, XA, XT \
	VADDPS  XT, XA, XA \
	VMOVSHDUP XA, XT \
	VADDSS  XT, XA, XA

// func tile4x3(dst *float32, dstStride int, x *float32, xStride int, w *float32, wStride, k8 int)
TEXT ·tile4x3(SB), NOSPLIT, $0-56
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R8
	MOVQ x+16(FP), SI
	MOVQ xStride+24(FP), R9
	MOVQ w+32(FP), DX
	MOVQ wStride+40(FP), R10
	MOVQ k8+48(FP), CX
	LEAQ (SI)(R9*1), R11
	LEAQ (SI)(R9*2), R12
	LEAQ (DX)(R10*1), AX
	LEAQ (DX)(R10*2), BX
	LEAQ (AX)(R10*2), R13
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11
	SHLQ $2, CX
	XORQ R15, R15

loop43:
	VMOVUPS (SI)(R15*1), Y12
	VMOVUPS (R11)(R15*1), Y13
	VMOVUPS (R12)(R15*1), Y14
	VMOVUPS (DX)(R15*1), Y15
	VFMADD231PS Y12, Y15, Y0
	VFMADD231PS Y13, Y15, Y4
	VFMADD231PS Y14, Y15, Y8
	VMOVUPS (AX)(R15*1), Y15
	VFMADD231PS Y12, Y15, Y1
	VFMADD231PS Y13, Y15, Y5
	VFMADD231PS Y14, Y15, Y9
	VMOVUPS (BX)(R15*1), Y15
	VFMADD231PS Y12, Y15, Y2
	VFMADD231PS Y13, Y15, Y6
	VFMADD231PS Y14, Y15, Y10
	VMOVUPS (R13)(R15*1), Y15
	VFMADD231PS Y12, Y15, Y3
	VFMADD231PS Y13, Y15, Y7
	VFMADD231PS Y14, Y15, Y11
	ADDQ $32, R15
	CMPQ R15, CX
	JLT  loop43

	FOLD4(Y0, X0, Y1, X1, Y2, X2, Y3, X3, X14, X15)
	FOLD4(Y4, X4, Y5, X5, Y6, X6, Y7, X7, X14, X15)
	FOLD4(Y8, X8, Y9, X9, Y10, X10, Y11, X11, X14, X15)
	VMOVUPS X0, (DI)
	VMOVUPS X4, (DI)(R8*1)
	VMOVUPS X8, (DI)(R8*2)
	VZEROUPPER
	RET

// func tile8x1(dst, x, w *float32, wStride, k8 int)
TEXT ·tile8x1(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), DX
	MOVQ wStride+24(FP), R10
	MOVQ k8+32(FP), CX
	LEAQ (DX)(R10*1), AX
	LEAQ (DX)(R10*2), BX
	LEAQ (AX)(R10*2), R8
	LEAQ (DX)(R10*4), R9
	LEAQ (AX)(R10*4), R11
	LEAQ (BX)(R10*4), R12
	LEAQ (R8)(R10*4), R13
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	SHLQ $2, CX
	XORQ R15, R15

loop81:
	VMOVUPS (SI)(R15*1), Y12
	VFMADD231PS (DX)(R15*1), Y12, Y0
	VFMADD231PS (AX)(R15*1), Y12, Y1
	VFMADD231PS (BX)(R15*1), Y12, Y2
	VFMADD231PS (R8)(R15*1), Y12, Y3
	VFMADD231PS (R9)(R15*1), Y12, Y4
	VFMADD231PS (R11)(R15*1), Y12, Y5
	VFMADD231PS (R12)(R15*1), Y12, Y6
	VFMADD231PS (R13)(R15*1), Y12, Y7
	ADDQ $32, R15
	CMPQ R15, CX
	JLT  loop81

	FOLD4(Y0, X0, Y1, X1, Y2, X2, Y3, X3, X14, X15)
	FOLD4(Y4, X4, Y5, X5, Y6, X6, Y7, X7, X14, X15)
	VMOVUPS X0, (DI)
	VMOVUPS X4, 16(DI)
	VZEROUPPER
	RET

// func tile1x1(x, w *float32, k8 int) float32
TEXT ·tile1x1(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ w+8(FP), DX
	MOVQ k8+16(FP), CX
	VXORPS Y0, Y0, Y0
	SHLQ $2, CX
	XORQ R15, R15

loop11:
	VMOVUPS (SI)(R15*1), Y12
	VFMADD231PS (DX)(R15*1), Y12, Y0
	ADDQ $32, R15
	CMPQ R15, CX
	JLT  loop11

	FOLD1(Y0, X0, X14)
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// Q8: eight weights at q times their scale Y9, times x Y8, added to ACC.
#define Q8(q, ACC) \
	VPMOVSXBD q, Y10 \
	VCVTDQ2PS Y10, Y10 \
	VMULPS Y10, Y9, Y10 \
	VFMADD231PS Y10, Y8, ACC

// SCALE: the float16 at s, in all lanes of Y9.
#define SCALE(s) \
	MOVWLZX s, R14 \
	VMOVD R14, X9 \
	VCVTPH2PS X9, X9 \
	VBROADCASTSS X9, Y9

// Q8ROW: a block of 32 weights of a row at q with its scale at s.
#define Q8ROW(q, s, ACC) \
	SCALE((s)) \
	VMOVUPS (SI), Y8 \
	Q8((q), ACC) \
	VMOVUPS 32(SI), Y8 \
	Q8(8(q), ACC) \
	VMOVUPS 64(SI), Y8 \
	Q8(16(q), ACC) \
	VMOVUPS 96(SI), Y8 \
	Q8(24(q), ACC) \
	ADDQ $32, q \
	ADDQ $2, s

// func vecQ8x4(dst, x *float32, q *int8, scale *uint16, k int)
TEXT ·vecQ8x4(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ q+16(FP), AX
	MOVQ scale+24(FP), R8
	MOVQ k+32(FP), CX
	LEAQ (AX)(CX*1), BX
	LEAQ (AX)(CX*2), DX
	LEAQ (BX)(CX*2), R12
	MOVQ CX, R13
	SHRQ $4, R13            // bytes of scales of a row: k/32*2
	LEAQ (R8)(R13*1), R9
	LEAQ (R8)(R13*2), R10
	LEAQ (R9)(R13*2), R11
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3

loopq4:
	Q8ROW(AX, R8, Y0)
	Q8ROW(BX, R9, Y1)
	Q8ROW(DX, R10, Y2)
	Q8ROW(R12, R11, Y3)
	ADDQ $128, SI
	SUBQ $32, CX
	JGT  loopq4

	FOLD4(Y0, X0, Y1, X1, Y2, X2, Y3, X3, X14, X15)
	VMOVUPS X0, (DI)
	VZEROUPPER
	RET

// func vecQ8x1(x *float32, q *int8, scale *uint16, k int) float32
TEXT ·vecQ8x1(SB), NOSPLIT, $0-36
	MOVQ x+0(FP), SI
	MOVQ q+8(FP), AX
	MOVQ scale+16(FP), R8
	MOVQ k+24(FP), CX
	VXORPS Y0, Y0, Y0

loopq1:
	Q8ROW(AX, R8, Y0)
	ADDQ $128, SI
	SUBQ $32, CX
	JGT  loopq1

	FOLD1(Y0, X0, X14)
	VMOVSS X0, ret+32(FP)
	VZEROUPPER
	RET

// func dequantAVX2(dst *float32, q *int8, scale *uint16, blocks int)
TEXT ·dequantAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ q+8(FP), AX
	MOVQ scale+16(FP), R8
	MOVQ blocks+24(FP), CX

loopdq:
	SCALE((R8))
	VPMOVSXBD (AX), Y0
	VPMOVSXBD 8(AX), Y1
	VPMOVSXBD 16(AX), Y2
	VPMOVSXBD 24(AX), Y3
	VCVTDQ2PS Y0, Y0
	VCVTDQ2PS Y1, Y1
	VCVTDQ2PS Y2, Y2
	VCVTDQ2PS Y3, Y3
	VMULPS Y0, Y9, Y0
	VMULPS Y1, Y9, Y1
	VMULPS Y2, Y9, Y2
	VMULPS Y3, Y9, Y3
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ $32, AX
	ADDQ $2, R8
	ADDQ $128, DI
	DECQ CX
	JNZ  loopdq
	VZEROUPPER
	RET

// func f16ToF32AVX2(dst *float32, src *uint16, n int)
TEXT ·f16ToF32AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

loopup:
	VCVTPH2PS (SI), Y0
	VMOVUPS Y0, (DI)
	ADDQ $16, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JGT  loopup
	VZEROUPPER
	RET

// func f32ToF16AVX2(dst *uint16, src *float32, n int)
TEXT ·f32ToF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

loopdown:
	VMOVUPS (SI), Y0
	VCVTPS2PH $0, Y0, X0
	VMOVUPS X0, (DI)
	ADDQ $32, SI
	ADDQ $16, DI
	SUBQ $8, CX
	JGT  loopdown
	VZEROUPPER
	RET

// func ropeAVX2(dst, src, cos, sin *float32, half int)
TEXT ·ropeAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ cos+16(FP), R8
	MOVQ sin+24(FP), R9
	MOVQ half+32(FP), CX
	SHLQ $2, CX
	LEAQ (SI)(CX*1), R10
	LEAQ (DI)(CX*1), R11
	XORQ R15, R15

looprope:
	VMOVUPS (SI)(R15*1), Y0
	VMOVUPS (R10)(R15*1), Y1
	VMOVUPS (R8)(R15*1), Y2
	VMOVUPS (R9)(R15*1), Y3
	VMULPS Y0, Y2, Y4
	VMULPS Y1, Y3, Y5
	VSUBPS Y5, Y4, Y4
	VMULPS Y1, Y2, Y6
	VMULPS Y0, Y3, Y7
	VADDPS Y7, Y6, Y6
	VMOVUPS Y4, (DI)(R15*1)
	VMOVUPS Y6, (R11)(R15*1)
	ADDQ $32, R15
	CMPQ R15, CX
	JLT  looprope
	VZEROUPPER
	RET

// func maxAVX2(x *float32, n int) float32
TEXT ·maxAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VMOVUPS (SI), Y0

loopmax:
	VMAXPS (SI), Y0, Y0
	ADDQ $32, SI
	SUBQ $8, CX
	JGT  loopmax
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X1, X0, X0
	VMOVHLPS X0, X0, X1
	VMAXPS X1, X0, X0
	VMOVSHDUP X0, X1
	VMAXSS X1, X0, X0
	VMOVSS X0, ret+16(FP)
	VZEROUPPER
	RET

// func expSumAVX2(x *float32, n int, m float32) float32
TEXT ·expSumAVX2(SB), NOSPLIT, $0-28
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

// func addExpAVX2(dst, x *float32, n int, m, inv float32)
TEXT ·addExpAVX2(SB), NOSPLIT, $0-32
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

// func swiGLUAVX2(dst, gate, up *float32, n int)
TEXT ·swiGLUAVX2(SB), NOSPLIT, $0-32
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

// func pv4x16(o *float32, oStride int, p *float32, pStride int, v *float32, vStride, n int)
TEXT ·pv4x16(SB), NOSPLIT, $0-56
	MOVQ o+0(FP), DI
	MOVQ oStride+8(FP), R8
	MOVQ p+16(FP), SI
	MOVQ pStride+24(FP), R9
	MOVQ v+32(FP), DX
	MOVQ vStride+40(FP), R10
	MOVQ n+48(FP), CX
	LEAQ (DI)(R8*1), AX
	LEAQ (DI)(R8*2), BX
	LEAQ (AX)(R8*2), R11
	LEAQ (SI)(R9*1), R12
	LEAQ (SI)(R9*2), R13
	LEAQ (R12)(R9*2), R15
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS (AX), Y2
	VMOVUPS 32(AX), Y3
	VMOVUPS (BX), Y4
	VMOVUPS 32(BX), Y5
	VMOVUPS (R11), Y6
	VMOVUPS 32(R11), Y7

looppv4:
	VMOVUPS (DX), Y8
	VMOVUPS 32(DX), Y9
	VBROADCASTSS (SI), Y10
	VBROADCASTSS (R12), Y11
	VBROADCASTSS (R13), Y12
	VBROADCASTSS (R15), Y13
	VFMADD231PS Y10, Y8, Y0
	VFMADD231PS Y10, Y9, Y1
	VFMADD231PS Y11, Y8, Y2
	VFMADD231PS Y11, Y9, Y3
	VFMADD231PS Y12, Y8, Y4
	VFMADD231PS Y12, Y9, Y5
	VFMADD231PS Y13, Y8, Y6
	VFMADD231PS Y13, Y9, Y7
	ADDQ R10, DX
	ADDQ $4, SI
	ADDQ $4, R12
	ADDQ $4, R13
	ADDQ $4, R15
	DECQ CX
	JNZ  looppv4
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, (AX)
	VMOVUPS Y3, 32(AX)
	VMOVUPS Y4, (BX)
	VMOVUPS Y5, 32(BX)
	VMOVUPS Y6, (R11)
	VMOVUPS Y7, 32(R11)
	VZEROUPPER
	RET

// func pv1x8(o, p, v *float32, vStride, n int)
TEXT ·pv1x8(SB), NOSPLIT, $0-40
	MOVQ o+0(FP), DI
	MOVQ p+8(FP), SI
	MOVQ v+16(FP), DX
	MOVQ vStride+24(FP), R10
	MOVQ n+32(FP), CX
	VMOVUPS (DI), Y0

looppv1:
	VBROADCASTSS (SI), Y1
	VFMADD231PS (DX), Y1, Y0
	ADDQ R10, DX
	ADDQ $4, SI
	DECQ CX
	JNZ  looppv1
	VMOVUPS Y0, (DI)
	VZEROUPPER
	RET
