package simd

// The versions in registers of eight values and of sixteen have equal bits. n is
// a multiple of 8.

//go:noescape
func expSum256(x *float32, n int, m float32) float32

//go:noescape
func expSum512(x *float32, n int, m float32) float32

//go:noescape
func sumExp256(x *float32, n int, m float32) float32

//go:noescape
func sumExp512(x *float32, n int, m float32) float32

//go:noescape
func addExp256(dst, x *float32, n int, m, inv float32)

//go:noescape
func addExp512(dst, x *float32, n int, m, inv float32)

func expSumVec(x *float32, n int, m float32) float32 {
	if vector512 {
		return expSum512(x, n, m)
	}
	return expSum256(x, n, m)
}

func sumExpVec(x *float32, n int, m float32) float32 {
	if vector512 {
		return sumExp512(x, n, m)
	}
	return sumExp256(x, n, m)
}

func addExpVec(dst, x *float32, n int, m, inv float32) {
	if vector512 {
		addExp512(dst, x, n, m, inv)
		return
	}
	addExp256(dst, x, n, m, inv)
}
