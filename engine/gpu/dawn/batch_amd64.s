//go:build (darwin || linux) && !nodawn

#include "textflag.h"

// A C function by the System V ABI: DI has the address and SI the number of
// calls, each of 7 words, the function and its arguments. It calls nothing of
// Go and is called on a stack of C.
TEXT callEach<>(SB), NOSPLIT|NOFRAME, $0-0
	PUSHQ BX
	PUSHQ R12
	SUBQ  $8, SP // a call needs the stack at a multiple of 16
	MOVQ  DI, BX
	MOVQ  SI, R12

next:
	MOVQ 0(BX), AX
	MOVQ 8(BX), DI
	MOVQ 16(BX), SI
	MOVQ 24(BX), DX
	MOVQ 32(BX), CX
	MOVQ 40(BX), R8
	MOVQ 48(BX), R9
	CALL AX
	ADDQ $56, BX
	DECQ R12
	JNE  next

	ADDQ $8, SP
	POPQ R12
	POPQ BX
	RET

DATA ·callEach(SB)/8, $callEach<>(SB)
GLOBL ·callEach(SB), NOPTR|RODATA, $8
