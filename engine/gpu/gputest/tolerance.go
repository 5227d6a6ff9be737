package gputest

import (
	"encoding/binary"
	"math"
	"unsafe"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// limits are the normalised mean squared errors that a kernel's outputs may have
// beside the twin's of the same inputs. Kernels that are not listed have outputs
// that are the same everywhere: integers, copies, and sums and products of two.
// They are a hundred times those of the table, whose inputs are random: in a
// model's activations large values cancel.
var limits = map[string]float64{
	"attention_chunk_f16":  1e-7,
	"attention_chunk_f32":  1e-7,
	"attention_decode_f16": 1e-7,
	"attention_decode_f32": 1e-7,
	"attention_merge":      1e-7,
	"head_norm":            1e-9,
	"matmul_f16":           1e-9,
	"matmul_f32":           1e-9,
	"matmul_q8_0":          1e-9,
	"matvec_f16":           1e-9,
	"matvec_f32":           1e-9,
	"matvec_q8_0":          1e-9,
	"mean_rows":            1e-9,
	"paged_dot_f16":        1e-9,
	"paged_dot_f32":        1e-9,
	"rms_norm":             1e-9,
	"rope":                 1e-11,
	"soft_vote":            1e-7,
	"swiglu":               1e-9,
	"vote_stats":           1e-8,
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
	limit, floats := limits[kernel]
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
