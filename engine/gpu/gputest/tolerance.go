package gputest

import (
	"encoding/binary"
	"math"
	"strings"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// limits are the normalised mean squared errors that the float32 outputs of a
// kernel may have beside the twin's, for all types that it is made for. Kernels
// that are not listed have outputs that are the same everywhere: integers,
// copies, and sums and products of two values.
var limits = map[string]float64{
	"attention_chunk":  1e-9,
	"attention_decode": 1e-9,
	"attention_lists":  1e-9,
	"attention_merge":  1e-9,
	"block_scores":     1e-11,
	"follow_scores":    1e-11,
	"head_norm":        1e-11,
	"head_stats":       1e-10,
	"matmul":           1e-11, // sums of up to a thousand products in any order
	"matvec":           1e-11,
	"norm_matvec":      1e-11,
	"mean_rows":        1e-11,
	"paged_dot":        1e-11,
	"page_scores":      1e-11,
	"probes":           1e-11,
	"rms_norm":         1e-11,
	"rope":             1e-13,
	"score_stats":      1e-10,
	"score_stats_i4":   3e-4, // on a CPU the probe is whole numbers of 8 bits
	"score_stats_i8":   1e-8, // and here, or where bytes are multiplied four at once, of 16
	"soft_vote":        1e-9,
	"soft_vote_hist":   1e-9,
	"swiglu":           1e-11,
	"vote_stats":       1e-10,
	"window_mass":      1e-9,
	"window_stats":     1e-10,
	"vote_sum":         1e-9,
}

// variantLimits are those of variants that compute less exactly than their
// kernels' baseline, of all that such a case writes.
var variantLimits = map[string]float64{
	"attention_chunk_matrix": 1e-5, // queries, keys and weights of float16
	"attention_chunk_packed": 1e-5, // and sums of 16 to 32 products
	"matmul_matrix":          1e-6, // x and weights of float16
}

// variantLimit is that of a variant, 0 where it is as exact as the baseline.
func variantLimit(shader string) float64 {
	for _, ending := range []string{"_matrix", "_packed"} {
		if kernel, ok := strings.CutSuffix(shader, ending); ok {
			return variantLimits[family(kernel)+ending]
		}
	}
	return 0
}

// family is a kernel's name without the type and the size in it.
func family(kernel string) string {
	for _, t := range []string{"_f16", "_f32", "_q8_0", "_q4_0", "_q4_1", "_i8", "_i4", "_any", "_large"} {
		kernel = strings.TrimSuffix(kernel, t)
	}
	return kernel
}

// limit is that of a kernel, without the type and the size in its name unless it
// has one of its own.
func limit(kernel string) (limit float64, floats bool) {
	if limit, floats = limits[kernel]; floats {
		return limit, floats
	}
	limit, floats = limits[family(kernel)]
	return limit, floats
}

// allowed compares as far as a kernel's limit allows.
func allowed(kernel string) Compare { return NMSE(limits[kernel]) }

// sums is allowed for a kernel whose values are sums that may all but cancel out,
// or have been rounded badly where there are few: square is what a value's square
// is on average, which counts if they are less, and for some values more than
// there are.
func sums(kernel string, square float64) Compare {
	return func(want, got []byte) error {
		err := allowed(kernel)(want, got)
		if err == nil {
			return nil
		}
		n, diff := len(want)/4, 0.0
		for i := range n {
			d := float64(math.Float32frombits(word(got, i))) - float64(math.Float32frombits(word(want, i)))
			diff += d * d
		}
		if diff <= limits[kernel]*square*float64(n+8) { // not if it is NaN
			return nil
		}
		return err
	}
}

// mismatch is what differs in an output: the word where it differs most, or the
// first of those that must not differ at all.
type mismatch struct {
	word  int
	err   float64 // the normalised mean squared error; NaN: of words that must be equal
	limit float64
}

// differs compares what a kernel made of an output that held before. Words that
// neither version has changed do not count: an output may be the start of a
// buffer full of what was computed earlier.
func differs(kernel string, before, want, got []byte) *mismatch {
	limit, floats := limit(kernel)
	var diff, norm, most float64
	worst := 0
	for i := range len(want) / 4 {
		wb, gb := word(want, i), word(got, i)
		if wb == gb && wb == word(before, i) {
			continue
		}
		w, g := float64(math.Float32frombits(wb)), float64(math.Float32frombits(gb))
		switch {
		case !floats || !plain(w) || !plain(g):
			if wb != gb && !(floats && math.IsNaN(w) && math.IsNaN(g)) {
				return &mismatch{i, math.NaN(), limit}
			}
		default:
			d := (g - w) * (g - w)
			if d > most {
				most, worst = d, i
			}
			diff, norm = diff+d, norm+w*w
		}
	}
	if diff > limit*norm {
		return &mismatch{worst, diff / norm, limit}
	}
	return nil
}

// plain tells numbers from NaN, infinities and the lowest float32, which stands
// for the largest of no scores.
func plain(x float64) bool { return math.Abs(x) < math.MaxFloat32 }

// cosineError is how much rounding may move the cosine of the Selection Cache.
const cosineError = 1e-5

// The cosine's word in a selection state, and theta's byte in the parameters.
const (
	cosineWord = 4
	thetaByte  = int(unsafe.Offsetof(kernels.SelectionCacheParams{}.Theta))
)

// cosines takes the cosine out of two states of the Selection Cache, which may
// differ by rounding, and tells whether they are so near theta that rounding
// decides between hit and miss, and all else with it.
func cosines(c gpu.Command, want, got []byte) (near bool) {
	theta := float64(math.Float32frombits(binary.LittleEndian.Uint32(c.Params[thetaByte:])))
	w := float64(math.Float32frombits(word(want, cosineWord)))
	g := float64(math.Float32frombits(word(got, cosineWord)))
	if math.Abs(w-g) <= cosineError {
		copy(got[4*cosineWord:][:4], want[4*cosineWord:])
	}
	return math.Abs(w-theta) <= cosineError && math.Abs(g-theta) <= cosineError
}
