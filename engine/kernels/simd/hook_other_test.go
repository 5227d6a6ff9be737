//go:build !amd64 && !arm64 && !(js && wasm && wasmsimd)

package simd

func setVector(bool) {}
