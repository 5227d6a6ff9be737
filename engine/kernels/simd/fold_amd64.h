// FOLD4: the four sums of Y(a)..Y(d), lane by lane, into X(a).
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
