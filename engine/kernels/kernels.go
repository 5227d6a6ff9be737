// Package kernels holds every kernel of the forward pass and of TokenSelect
// (arXiv 2411.02886): its Params struct, its bindings, its Go twin and the
// function that records a call. The shader of the kernel name is
// shaders/name.wgsl, with the same bindings in the same order; what it computes
// is defined by the twin. Both are tested against each other on every device. The
// kernels of Choose alone have no shader: they are for a CPU.
//
// A twin is the plain version, written to be read beside its shader. Hot
// kernels have a fast version as well, built from package simd.
//
// On Dawn nothing else checks an index: what need asks of a range covers all that the
// shader can read and write of it, and what one kernel writes for another to index with
// stays below the bound that the other's recorder is given.
//
// Conventions, for all kernels: matrices are row-major; activations are
// float32; keys and values in the cache are float16, two to a word; weights are
// float32, float16, Q8_0, Q4_0 or Q4_1. Products are rounded before they are added
// (float32(a*b)), so that no compiler fuses them and all machines agree.
package kernels

import (
	"fmt"
	"sync"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/shaders"
)

// All lists the kernels that have a shader, those that depend on a head size for
// each of sizes.
func All(sizes ...int) []*gpu.Kernel {
	all := []*gpu.Kernel{rmsNorm, headNorm, add, rope, meanRows, kvAppend[CacheF16], kvAppend[CacheF32], gatherRows(), selectionCache,
		voteStats(), topKHist(), topKCount(), topKWrite(), topKBorder, topKTake, attentionMerge, swiglu, argmax, ceilingRead(), ceilingMultiplyAdd()}
	for _, share := range voteShares {
		for _, heads := range voteHeads {
			all = append(all, softVote(voteShape{share, heads}), softVoteHist(voteShape{share, heads}))
		}
	}
	for _, t := range weightTypes {
		all = append(all, embed[t])
		all = append(all, matMuls(t)...)
		if t != F32 {
			all = append(all, normMatVec[t].all()...)
		}
	}
	all = append(all, rivals()...)
	for _, d := range sizes {
		all = append(all, attentionChunk(CacheF16, d, false), attentionChunk(CacheF32, d, false), attentionLists(CacheF16, d), attentionLists(CacheF32, d))
		for _, t := range []IndexType{IndexI8, IndexI4} {
			if t.Fits(d) == nil {
				all = append(all, keyIndex(indexShape{t, gpuTile, d}))
			}
		}
		for g := 1; g <= maxGroup; g++ {
			for _, t := range []CacheType{CacheF16, CacheF32} {
				all = append(all, pagedDot(t, d, g), scoreStatsKernel(scoreShape{t, IndexNone, 0, 0, d, g}), attentionDecode(t, d, g))
			}
			for _, t := range []IndexType{IndexI8, IndexI4} {
				if t.Fits(d) == nil {
					few, many := indexKeys(t, g)
					all = append(all, scoreStatsKernel(scoreShape{0, t, gpuTile, few, d, g}), scoreStatsKernel(scoreShape{0, t, gpuTile, many, d, g}))
				}
			}
		}
	}
	return all
}

// wgsl returns what assembles the shader called name. It is called by name, not
// written out at each of its calls, for the size of the engine for browsers.
//
//go:noinline
func wgsl(name string, consts map[string]int) func() (gpu.Source, error) {
	return func() (gpu.Source, error) {
		a, err := shaders.Assemble(name, consts)
		if err != nil {
			return gpu.Source{}, err
		}
		return gpu.Source{Text: a.Text, Locate: a.Locate}, nil
	}
}

// in and out name a binding that the kernel reads or writes.
func in(name string) gpu.Binding  { return gpu.Binding{Name: name, Access: gpu.Read} }
func out(name string) gpu.Binding { return gpu.Binding{Name: name, Access: gpu.ReadWrite} }

// params is the Params struct of a call.
func params[P any](c *gpu.Call) *P {
	return (*P)(unsafe.Pointer(unsafe.SliceData(c.Params)))
}

// sizeOf is the size of a Params struct in bytes.
func sizeOf[P any]() int {
	var p P
	return int(unsafe.Sizeof(p))
}

// view is binding i of a call as a slice of T. It is called by name for the size of
// the engine for browsers.
//
//go:noinline
func view[T any](c *gpu.Call, i int) []T {
	var t T
	b := c.Bufs[i]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(t)))
}

// family memoises the kernels of one name that differ by numbers written into
// the shader.
type family[K comparable] struct {
	mu   sync.Mutex
	made map[K]*gpu.Kernel
}

func (f *family[K]) get(key K, make_ func() *gpu.Kernel) *gpu.Kernel {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := f.made[key]
	if k == nil {
		if f.made == nil {
			f.made = map[K]*gpu.Kernel{}
		}
		k = make_()
		f.made[key] = k
	}
	return k
}

// spare is the twin of a kernel that has a fast version, or that no CPU runs; in a
// lean build it is nothing.
func spare(twin func(c *gpu.Call, lo, hi int)) func(c *gpu.Call, lo, hi int) {
	if lean {
		return nil
	}
	return twin
}

// single is a kernel that is made when it is first asked for: programs that never
// ask, such as the engine for browsers, are linked without its twin.
type single struct {
	once sync.Once
	made *gpu.Kernel
}

func (s *single) get(make_ func() *gpu.Kernel) *gpu.Kernel {
	s.once.Do(func() { s.made = make_() })
	return s.made
}

// need fails the recording unless the range holds at least n words.
func need(r *gpu.Recording, k *gpu.Kernel, binding int, g gpu.Range, n int) {
	if n < 0 || g.Size/4 < n {
		r.Fail(fmt.Errorf("kernels: %s: %s holds %d words, expected at least %d", k.Name, k.Bindings[binding].Name, g.Size/4, n))
	}
}

// What the shaders that work on heads have memory for.
const (
	maxHead  = 128 // head size
	maxGroup = 8   // query heads to a key head
)

// FitHeads is an error that says what is wrong with heads of size d, where the
// shaders cannot take them.
func FitHeads(heads, kvHeads, d int) error {
	switch {
	case kvHeads < 1 || heads < kvHeads || heads%kvHeads != 0 || heads/kvHeads > maxGroup:
		return fmt.Errorf("%d heads over %d key heads, expected 1 to %d to each", heads, kvHeads, maxGroup)
	case d < 8 || d%8 != 0 || d > maxHead:
		return fmt.Errorf("heads of size %d, expected a multiple of 8 up to %d", d, maxHead)
	}
	return nil
}

// needHeads returns how many query heads share a key head; or it fails the
// recording and returns 0 where the shaders cannot take such heads.
func needHeads(r *gpu.Recording, kernel string, heads, kvHeads, d int) (group int) {
	if err := FitHeads(heads, kvHeads, d); err != nil {
		r.Fail(fmt.Errorf("kernels: %s: %w", kernel, err))
		return 0
	}
	return heads / kvHeads
}

// ceil is a/b rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// powerOfTwo is the least power of two that is not less than n.
func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
