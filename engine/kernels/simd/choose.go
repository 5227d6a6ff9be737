package simd

import "math"

// What the choice of the largest votes is made of.

// MaxLess is dst[i] = max over h of x[h*stride+i] - less[h]. Of a NaN it makes
// anything.
func MaxLess(dst, x []float32, stride int, less []float32) {
	n, heads := len(dst), len(less)
	if n == 0 || heads == 0 {
		return
	}
	x = x[:(heads-1)*stride+n]
	done := 0
	if n32 := n &^ 31; vector && chooseVectors && n32 > 0 {
		maxLessVec(&dst[0], &x[0], stride, &less[0], heads, n32)
		done = n32
	}
	dst, x = dst[done:], x[done:]
	for h, l := range less {
		of := x[h*stride:][:len(dst)]
		for i, v := range of {
			if v -= l; h == 0 || v > dst[i] {
				dst[i] = v
			}
		}
	}
}

// Peaks is dst[8*i+j] = max over l < 8 of x[64*i+8*l+j]: the largest of each of
// eight columns of 64 values. What the last 64 lack counts as -Inf. dst holds 8
// values for every 64 of x, or a part of them.
func Peaks(dst, x []float32) {
	n, from := len(x)/64, 0
	dst = dst[:8*((len(x)+63)/64)]
	if vector && chooseVectors && n > 0 {
		peaksVec(&dst[0], &x[0], n)
		from = n
	}
	for i := from; 8*i < len(dst); i++ {
		to := dst[8*i:][:8]
		for j := range to {
			to[j] = float32(math.Inf(-1))
		}
		for l, v := range x[64*i : min(64*i+64, len(x))] {
			to[l%8] = max(to[l%8], v)
		}
	}
}

// CountFrom is the number of values that are at least least.
func CountFrom(x []float32, least float32) (count int) {
	n := len(x) &^ 7
	if !vector || !chooseVectors {
		n = 0
	}
	if n > 0 {
		count = countFromVec(&x[0], n, least)
	}
	for _, v := range x[n:] {
		if v >= least {
			count++
		}
	}
	return count
}

// IndexFrom writes the indices of the values that are at least least to dst, in
// order, and returns how many there are. dst is as long as x.
func IndexFrom(dst []uint32, x []float32, least float32) (count int) {
	dst = dst[:len(x)]
	n := len(x) &^ 7
	if !vector || !chooseVectors {
		n = 0
	}
	if n > 0 {
		count = indexFromVec(&dst[0], &x[0], n, least)
	}
	for i, v := range x[n:] {
		if v >= least {
			dst[count] = uint32(n + i)
			count++
		}
	}
	return count
}
