package simd

import (
	"os"

	"golang.org/x/sys/cpu"
)

// vector is decided once. TOKENSELECT_SIMD=go forces the plain versions, to
// compare the two. HasAVX2 and HasFMA include that the system saves the wide
// registers.
var vector = cpu.X86.HasAVX2 && cpu.X86.HasFMA && hasF16C() && os.Getenv("TOKENSELECT_SIMD") != "go"

// vector512 tells that the wider registers are used as well, where that is of
// use. TOKENSELECT_SIMD=avx2 does without them.
var vector512 = vector && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL && os.Getenv("TOKENSELECT_SIMD") != "avx2"

// hasF16C asks the processor itself: the cpu package does not report F16C,
// which a virtual machine may hide on its own.
func hasF16C() bool { return cpuid1()>>29&1 != 0 }

// cpuid1 is register ECX of CPUID's leaf 1.
func cpuid1() (ecx uint32)
