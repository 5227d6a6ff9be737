//go:build !amd64

package simd

func setAVX2(bool) {}
