package kernels

import (
	"fmt"
	"slices"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
)

// CacheType is how keys and values are stored in the cache.
type CacheType int

// The storage types of the cache.
const (
	CacheF16 CacheType = iota // two values a word, the lower half first
	CacheF32                  // one value a word
)

func (t CacheType) String() string {
	if t == CacheF32 {
		return "f32"
	}
	return "f16"
}

// Bytes is the size of a value.
func (t CacheType) Bytes() int {
	if t == CacheF32 {
		return 4
	}
	return 2
}

// ParseCacheType is the type called name.
func ParseCacheType(name string) (CacheType, error) {
	names := []string{"f16", "f32"}
	if i := slices.Index(names, name); i >= 0 {
		return CacheType(i), nil
	}
	return 0, fmt.Errorf("kernels: cache of type %q, expected f16 or f32", name)
}

// words is the number of words that n values take.
func (t CacheType) words(n int) int { return n * t.Bytes() / 4 }

// cached is a binding of keys or values.
type cached struct {
	half  []uint16
	whole []float32
}

func (t CacheType) view(c *gpu.Call, i int) cached {
	if t == CacheF32 {
		return cached{whole: view[float32](c, i)}
	}
	return cached{half: view[uint16](c, i)}
}

// read copies the values from at on into dst.
func (s cached) read(dst []float32, at int) {
	if s.whole != nil {
		copy(dst, s.whole[at:])
		return
	}
	for j := range dst {
		dst[j] = f16.ToFloat32(s.half[at+j])
	}
}

// write stores src from at on.
func (s cached) write(at int, src []float32) {
	if s.whole != nil {
		copy(s.whole[at:], src)
		return
	}
	for j, v := range src {
		s.half[at+j] = f16.FromFloat32(v)
	}
}
