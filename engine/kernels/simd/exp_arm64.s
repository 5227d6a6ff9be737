#include "textflag.h"
#include "neon_arm64.h"

// Constants of exp, in the order of CONSTANTS: those of exp_amd64.s.
DATA expConst<>+0(SB)/4, $0x3fb8aa3b  // 1/ln 2
DATA expConst<>+4(SB)/4, $0x3f318000  // 0.693359375
DATA expConst<>+8(SB)/4, $0xb95e8083  // ln 2 less that
DATA expConst<>+12(SB)/4, $0x39506967 // 1.9875691500e-4
DATA expConst<>+16(SB)/4, $0x3ab743ce // 1.3981999507e-3
DATA expConst<>+20(SB)/4, $0x3c088908 // 8.3334519073e-3
DATA expConst<>+24(SB)/4, $0x3d2aa9c1 // 4.1665795894e-2
DATA expConst<>+28(SB)/4, $0x3e2aaaaa // 1.6666665459e-1
DATA expConst<>+32(SB)/4, $0x3f000000 // 5.0000001201e-1
DATA expConst<>+36(SB)/4, $0x3f800000 // 1
DATA expConst<>+40(SB)/4, $0xc2aeac4f // -126 ln 2, rounded up: below it exp would be subnormal and counts as 0
DATA expConst<>+44(SB)/4, $0x42b17217 // 128 ln 2, rounded down: above it exp is +Inf
DATA expConst<>+48(SB)/4, $0x7f800000 // +Inf
GLOBL expConst<>(SB), RODATA|NOPTR, $52

// CONSTANTS: in all lanes of V16 to V28, and 0 in V29. Uses R7.
#define CONSTANTS \
	MOVD $expConst<>(SB), R7 \
	VLD1R.P 4(R7), [V16.S4] \
	VLD1R.P 4(R7), [V17.S4] \
	VLD1R.P 4(R7), [V18.S4] \
	VLD1R.P 4(R7), [V19.S4] \
	VLD1R.P 4(R7), [V20.S4] \
	VLD1R.P 4(R7), [V21.S4] \
	VLD1R.P 4(R7), [V22.S4] \
	VLD1R.P 4(R7), [V23.S4] \
	VLD1R.P 4(R7), [V24.S4] \
	VLD1R.P 4(R7), [V25.S4] \
	VLD1R.P 4(R7), [V26.S4] \
	VLD1R.P 4(R7), [V27.S4] \
	VLD1R.P 4(R7), [V28.S4] \
	VEOR V29.B16, V29.B16, V29.B16

// HORNER: P0 times x, and P1 times the other x, plus the constant C, into Q0 and Q1.
#define HORNER(C, P0, P1, Q0, Q1) \
	VMOV C.B16, Q0.B16 \
	VMOV C.B16, Q1.B16 \
	VFMLA V0.S4, P0.S4, Q0.S4 \
	VFMLA V1.S4, P1.S4, Q1.S4

// EXP: V0 and V1 = exp of them, as EXP of exp_amd64.s computes it, step by step. Uses
// V2 to V11. A NaN stays one: FMAX and FMIN keep it, and it is 0 as a whole number.
#define EXP \
	FCMGT4(0, 26, 6) \ // V6, V7 = x < least
	FCMGT4(1, 26, 7) \
	FCMGT4(27, 0, 8) \ // V8, V9 = x > most
	FCMGT4(27, 1, 9) \
	FMAX4(26, 0, 0) \
	FMAX4(26, 1, 1) \
	FMIN4(27, 0, 0) \
	FMIN4(27, 1, 1) \
	FMUL4(16, 0, 2) \
	FMUL4(16, 1, 3) \
	FRINTN4(2, 2) \ // n, the nearest whole power of two
	FRINTN4(3, 3) \
	VFMLS V17.S4, V2.S4, V0.S4 \
	VFMLS V17.S4, V3.S4, V1.S4 \
	VFMLS V18.S4, V2.S4, V0.S4 \ // V0 = r, at most ln(2)/2
	VFMLS V18.S4, V3.S4, V1.S4 \
	FCVTNS4(2, 2) \
	FCVTNS4(3, 3) \
	VSHL $23, V2.S4, V2.S4 \
	VSHL $23, V3.S4, V3.S4 \
	HORNER(V20, V19, V19, V4, V5) \
	HORNER(V21, V4, V5, V10, V11) \
	HORNER(V22, V10, V11, V4, V5) \
	HORNER(V23, V4, V5, V10, V11) \
	HORNER(V24, V10, V11, V4, V5) \
	FMUL4(0, 4, 4) \
	FMUL4(1, 5, 5) \
	VFMLA V4.S4, V0.S4, V0.S4 \ // p r^2 + r
	VFMLA V5.S4, V1.S4, V1.S4 \
	FADD4(25, 0, 0) \
	FADD4(25, 1, 1) \
	VADD V2.S4, V0.S4, V0.S4 \ // times 2^n
	VADD V3.S4, V1.S4, V1.S4 \
	VBIT V6.B16, V29.B16, V0.B16 \
	VBIT V7.B16, V29.B16, V1.B16 \
	VBIT V8.B16, V28.B16, V0.B16 \
	VBIT V9.B16, V28.B16, V1.B16

// func expSumVec(x *float32, n int, m float32) float32
TEXT ·expSumVec(SB), NOSPLIT, $0-28
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	FMOVS m+16(FP), F14
	VDUP  V14.S[0], V14.S4
	CONSTANTS
	VEOR  V12.B16, V12.B16, V12.B16
	VEOR  V13.B16, V13.B16, V13.B16

loopes:
	FLDPQ (R0), (F0, F1)
	FSUB4(14, 0, 0)
	FSUB4(14, 1, 1)
	EXP
	FSTPQ.P (F0, F1), 32(R0)
	FADD4(0, 12, 12)
	FADD4(1, 13, 13)
	SUBS $8, R1
	BGT  loopes
	FOLD1(12, 0)
	FMOVS F12, ret+24(FP)
	RET

// func sumExpVec(x *float32, n int, m float32) float32
TEXT ·sumExpVec(SB), NOSPLIT, $0-28
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	FMOVS m+16(FP), F14
	VDUP  V14.S[0], V14.S4
	CONSTANTS
	VEOR  V12.B16, V12.B16, V12.B16
	VEOR  V13.B16, V13.B16, V13.B16

loopse:
	FLDPQ.P 32(R0), (F0, F1)
	FSUB4(14, 0, 0)
	FSUB4(14, 1, 1)
	EXP
	FADD4(0, 12, 12)
	FADD4(1, 13, 13)
	SUBS $8, R1
	BGT  loopse
	FOLD1(12, 0)
	FMOVS F12, ret+24(FP)
	RET

// func addExpVec(dst, x *float32, n int, m, inv float32)
TEXT ·addExpVec(SB), NOSPLIT, $0-32
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  n+16(FP), R2
	FMOVS m+24(FP), F14
	FMOVS inv+28(FP), F15
	VDUP  V14.S[0], V14.S4
	VDUP  V15.S[0], V15.S4
	CONSTANTS

loopae:
	FLDPQ.P 32(R1), (F0, F1)
	FSUB4(14, 0, 0)
	FSUB4(14, 1, 1)
	EXP
	FMUL4(15, 0, 0)
	FMUL4(15, 1, 1)
	FLDPQ (R0), (F12, F13)
	FADD4(12, 0, 0)
	FADD4(13, 1, 1)
	FSTPQ.P (F0, F1), 32(R0)
	SUBS $8, R2
	BGT  loopae
	RET

// func swiGLUVec(dst, gate, up *float32, n int)
TEXT ·swiGLUVec(SB), NOSPLIT, $0-32
	MOVD dst+0(FP), R0
	MOVD gate+8(FP), R1
	MOVD up+16(FP), R2
	MOVD n+24(FP), R3
	CONSTANTS

loopsg:
	FLDPQ.P 32(R1), (F12, F13)
	FNEG4(12, 0)
	FNEG4(13, 1)
	EXP
	FADD4(25, 0, 0)
	FADD4(25, 1, 1)
	FDIV4(0, 12, 12)
	FDIV4(1, 13, 13)
	FLDPQ.P 32(R2), (F14, F15)
	FMUL4(14, 12, 12)
	FMUL4(15, 13, 13)
	FSTPQ.P (F12, F13), 32(R0)
	SUBS $8, R3
	BGT  loopsg
	RET
