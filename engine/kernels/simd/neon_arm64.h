// The instructions on four float32 that Go's assembler has no names for, as words.
// Registers are numbers, in the order of Go's operands: the result is the last, and
// for what has an order, n comes before m in Arm's own.

#define FADD4(m, n, d) WORD $(0x4E20D400 | (m)<<16 | (n)<<5 | (d))  // FADD Vd.4S, Vn.4S, Vm.4S
#define FSUB4(m, n, d) WORD $(0x4EA0D400 | (m)<<16 | (n)<<5 | (d))  // FSUB Vd.4S, Vn.4S, Vm.4S
#define FMUL4(m, n, d) WORD $(0x6E20DC00 | (m)<<16 | (n)<<5 | (d))  // FMUL Vd.4S, Vn.4S, Vm.4S
#define FDIV4(m, n, d) WORD $(0x6E20FC00 | (m)<<16 | (n)<<5 | (d))  // FDIV Vd.4S, Vn.4S, Vm.4S
#define FMAX4(m, n, d) WORD $(0x4E20F400 | (m)<<16 | (n)<<5 | (d))  // FMAX Vd.4S, Vn.4S, Vm.4S: NaN of a NaN
#define FMIN4(m, n, d) WORD $(0x4EA0F400 | (m)<<16 | (n)<<5 | (d))  // FMIN Vd.4S, Vn.4S, Vm.4S: NaN of a NaN
#define FCMGT4(m, n, d) WORD $(0x6EA0E400 | (m)<<16 | (n)<<5 | (d)) // FCMGT Vd.4S, Vn.4S, Vm.4S: n > m
#define FNEG4(n, d) WORD $(0x6EA0F800 | (n)<<5 | (d))               // FNEG Vd.4S, Vn.4S
#define FRINTN4(n, d) WORD $(0x4E218800 | (n)<<5 | (d))             // FRINTN Vd.4S, Vn.4S: to the nearest, ties to even
#define FCVTNS4(n, d) WORD $(0x4E21A800 | (n)<<5 | (d))             // FCVTNS Vd.4S, Vn.4S: to int32
#define SCVTF4(n, d) WORD $(0x4E21D800 | (n)<<5 | (d))              // SCVTF Vd.4S, Vn.4S: from int32

// Of neighbours in n, then in m, and of all in one.
#define FADDP4(m, n, d) WORD $(0x6E20D400 | (m)<<16 | (n)<<5 | (d)) // FADDP Vd.4S, Vn.4S, Vm.4S
#define FADDP2(n, d) WORD $(0x7E30D800 | (n)<<5 | (d))              // FADDP Sd, Vn.2S
#define FMAXV4(n, d) WORD $(0x6E30F800 | (n)<<5 | (d))              // FMAXV Sd, Vn.4S

// From and to float16: the lower four and the upper four.
#define FCVTL(n, d) WORD $(0x0E217800 | (n)<<5 | (d))  // FCVTL Vd.4S, Vn.4H
#define FCVTL2(n, d) WORD $(0x4E217800 | (n)<<5 | (d)) // FCVTL2 Vd.4S, Vn.8H
#define FCVTN(n, d) WORD $(0x0E216800 | (n)<<5 | (d))  // FCVTN Vd.4H, Vn.4S
#define FCVTN2(n, d) WORD $(0x4E216800 | (n)<<5 | (d)) // FCVTN2 Vd.8H, Vn.4S

// Twice as wide with the sign: bytes to int16, int16 to int32.
#define SXTL8(n, d) WORD $(0x0F08A400 | (n)<<5 | (d))   // SXTL Vd.8H, Vn.8B
#define SXTL8_2(n, d) WORD $(0x4F08A400 | (n)<<5 | (d)) // SXTL2 Vd.8H, Vn.16B
#define SXTL4(n, d) WORD $(0x0F10A400 | (n)<<5 | (d))   // SXTL Vd.4S, Vn.4H
#define SXTL4_2(n, d) WORD $(0x4F10A400 | (n)<<5 | (d)) // SXTL2 Vd.4S, Vn.8H

// Halves of 64 bits: the lower of n and m, and the upper ones. Go's VZIP1 and VZIP2
// of D2, which take no numbers.
#define ZIP1D(m, n, d) WORD $(0x4EC03800 | (m)<<16 | (n)<<5 | (d)) // ZIP1 Vd.2D, Vn.2D, Vm.2D
#define ZIP2D(m, n, d) WORD $(0x4EC07800 | (m)<<16 | (n)<<5 | (d)) // ZIP2 Vd.2D, Vn.2D, Vm.2D

// SCALE: the float16 at S in all lanes of V8. Goes on to the one after it.
#define SCALE(S) \
	VLD1R.P 2(S), [V8.H8] \
	FCVTL(8, 8)

// EIGHT: the eight int16 in register w times V8, in V14 and V15.
#define EIGHT(w) \
	SXTL4(w, 14) \
	SXTL4_2(w, 15) \
	SCVTF4(14, 14) \
	SCVTF4(15, 15) \
	FMUL4(8, 14, 14) \
	FMUL4(8, 15, 15)

#define ZERO8(A, B, C, D, E, F, G, H) \
	VEOR A.B16, A.B16, A.B16 \
	VEOR B.B16, B.B16, B.B16 \
	VEOR C.B16, C.B16, C.B16 \
	VEOR D.B16, D.B16, D.B16 \
	VEOR E.B16, E.B16, E.B16 \
	VEOR F.B16, F.B16, F.B16 \
	VEOR G.B16, G.B16, G.B16 \
	VEOR H.B16, H.B16, H.B16

// A sum has eight lanes, in two registers that follow each other. They are added as
// fold in plain.go does: ((0+4)+(2+6)) + ((1+5)+(3+7)).

// FOLD4: the four sums in a to a+7, lane by lane, into a. Uses t and t+1.
#define FOLD4(a, t) \
	FADD4(a+1, a, a) \
	FADD4(a+3, a+2, a+2) \
	FADD4(a+5, a+4, a+4) \
	FADD4(a+7, a+6, a+6) \
	ZIP1D(a+2, a, t) \
	ZIP2D(a+2, a, t+1) \
	FADD4(t+1, t, a) \
	ZIP1D(a+6, a+4, t) \
	ZIP2D(a+6, a+4, t+1) \
	FADD4(t+1, t, a+4) \
	FADDP4(a+4, a, a)

// FOLD1: the sum in a and a+1 into the first lane of a. Uses t.
#define FOLD1(a, t) \
	FADD4(a+1, a, a) \
	ZIP2D(a, a, t) \
	FADD4(t, a, a) \
	FADDP2(a, a)

// EIGHT_ROWS: rows R3 bytes apart, the first at R2, the others at R5 to R11, each with a
// sum in two registers of V0 to V15.
#define EIGHT_ROWS \
	ADD  R3, R2, R5 \
	ADD  R3, R5, R6 \
	ADD  R3, R6, R7 \
	ADD  R3, R7, R8 \
	ADD  R3, R8, R9 \
	ADD  R3, R9, R10 \
	ADD  R3, R10, R11 \
	ZERO8(V0, V1, V2, V3, V4, V5, V6, V7) \
	ZERO8(V8, V9, V10, V11, V12, V13, V14, V15)

// EACH_ROW: ROW for the eight rows and their sums.
#define EACH_ROW(ROW) \
	ROW(R2, V0, V1) \
	ROW(R5, V2, V3) \
	ROW(R6, V4, V5) \
	ROW(R7, V6, V7) \
	ROW(R8, V8, V9) \
	ROW(R9, V10, V11) \
	ROW(R10, V12, V13) \
	ROW(R11, V14, V15)

// STORE_ROWS: the eight sums to R0.
#define STORE_ROWS \
	FOLD4(0, 16) \
	FOLD4(8, 16) \
	FMOVQ F0, (R0) \
	FMOVQ F8, 16(R0)

// Products twice as wide, added to d but for SMULLB: of the lower and of the upper four
// int16 of n and m, and of the lower and of the upper eight bytes.
#define SMLAL4(m, n, d) WORD $(0x0E608000 | (m)<<16 | (n)<<5 | (d))    // SMLAL Vd.4S, Vn.4H, Vm.4H
#define SMLAL4_2(m, n, d) WORD $(0x4E608000 | (m)<<16 | (n)<<5 | (d))  // SMLAL2 Vd.4S, Vn.8H, Vm.8H
#define SMULLB(m, n, d) WORD $(0x0E20C000 | (m)<<16 | (n)<<5 | (d))    // SMULL Vd.8H, Vn.8B, Vm.8B
#define SMLALB(m, n, d) WORD $(0x0E208000 | (m)<<16 | (n)<<5 | (d))    // SMLAL Vd.8H, Vn.8B, Vm.8B
#define SMLALB_2(m, n, d) WORD $(0x4E208000 | (m)<<16 | (n)<<5 | (d))  // SMLAL2 Vd.8H, Vn.16B, Vm.16B

// Sums of neighbours: of int32 in n, then in m, and of int16, twice as wide.
#define ADDP4(m, n, d) WORD $(0x4EA0BC00 | (m)<<16 | (n)<<5 | (d)) // ADDP Vd.4S, Vn.4S, Vm.4S
#define SADDLP4(n, d) WORD $(0x4E602800 | (n)<<5 | (d))            // SADDLP Vd.4S, Vn.8H

// FOUR_ROWS: of the arguments dst and q, which are the first two, where four rows of
// results go, in R10 to R13, and where four rows of q are, in R4 to R7.
#define FOUR_ROWS \
	MOVD dst+0(FP), R0 \
	LDP  (R0), (R10, R11) \
	LDP  16(R0), (R12, R13) \
	MOVD q+8(FP), R0 \
	LDP  (R0), (R4, R5) \
	LDP  16(R0), (R6, R7)

// KEY_BEGINS: the key at R2 in R15, of R1 bytes that R23 counts, and the rows of q in R19
// to R22, from their beginnings.
#define KEY_BEGINS \
	MOVD R2, R15 \
	MOVD R1, R23 \
	MOVD R4, R19 \
	MOVD R5, R20 \
	MOVD R6, R21 \
	MOVD R7, R22

// KEY_ENDS: the four floats of register v are stored, and the next key and its scale
// are R3 and R9 bytes further on; R14 counts the keys that are left.
#define KEY_ENDS(v) \
	STORE4(v) \
	ADD  R3, R2 \
	ADD  R9, R8 \
	SUBS $1, R14

// STORE4: the four floats of register v, each where one of R10 to R13 says, which go
// on to the next.
#define STORE4(v) \
	VMOV v.S[0], R0 \
	MOVW.P R0, 4(R10) \
	VMOV v.S[1], R0 \
	MOVW.P R0, 4(R11) \
	VMOV v.S[2], R0 \
	MOVW.P R0, 4(R12) \
	VMOV v.S[3], R0 \
	MOVW.P R0, 4(R13)
