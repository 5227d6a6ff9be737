package simd

import _ "embed"

// Module is simd128.wasm, whose functions a build for GOOS=js with the tag
// wasmsimd imports as "tokenselect_simd".
//
//go:embed simd128.wasm
var Module []byte

// Loader is simd128.js, an ES module that makes these imports from Module: its
// simdImports(bytes) gives {imports, attach}. imports goes into the import
// object as tokenselect_simd before Go's module is instantiated, attach takes
// the instance before it runs. Without the tag a build needs neither.
//
//go:embed simd128.js
var Loader []byte
