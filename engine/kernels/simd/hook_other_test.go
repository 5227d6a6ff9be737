//go:build !amd64 && !(js && wasm && wasmsimd)

package simd

func setVector(bool) {}
