//go:build (darwin || linux) && !nodawn

#include "textflag.h"

// A C function by the ABI of AArch64: R0 has the address and R1 the number of
// calls, each of 7 words, the function and its arguments. It calls nothing of
// Go and is called on a stack of C.
TEXT callEach<>(SB), NOSPLIT|NOFRAME, $0-0
	SUB  $32, RSP
	STP  (R29, R30), 0(RSP)
	STP  (R19, R20), 16(RSP)
	MOVD R0, R19
	MOVD R1, R20

next:
	MOVD 0(R19), R9
	LDP  8(R19), (R0, R1)
	LDP  24(R19), (R2, R3)
	LDP  40(R19), (R4, R5)
	BL   (R9)
	ADD  $56, R19
	SUB  $1, R20
	CBNZ R20, next

	LDP 16(RSP), (R19, R20)
	LDP 0(RSP), (R29, R30)
	ADD $32, RSP
	RET

DATA ·callEach(SB)/8, $callEach<>(SB)
GLOBL ·callEach(SB), NOPTR|RODATA, $8
