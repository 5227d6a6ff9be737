//go:build !lean

package selection

import (
	"encoding/binary"
	"fmt"
	"math"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// ntk is dense attention with RoPE's base scaled for texts longer than the model was
// trained for: base * factor^(d/(d-2)), so that the slowest pair turns as far over
// factor times the context as it did over the context, and the fastest as ever
// ("NTK-aware scaled RoPE", bloc97, 2023; one of TokenSelect's baselines). Keys are
// stored before RoPE, so that a change of the factor holds for all of them at once.
//
// The factor is Rivals.Factor, or where that is 0 follows the text: its length over
// the trained context, in steps of an eighth, for a new table costs more than a token.
type ntk struct {
	*Selector
	table *gpu.Buffer // [rows][d]
	made  float64     // the factor that it was made for; 0: none yet
	upTo  int         // the rows that it has
}

func (p *ntk) memory(rows int) []buffer {
	return []buffer{{&p.table, 4 * max(rows, kernels.LeastPositions) * p.shape.HeadDim}}
}

func (p *ntk) attend(r *gpu.Recording, q kernels.Query, out kernels.Selection) kernels.Selection {
	trained, factor := p.cfg.Rivals.Trained, p.cfg.Rivals.Factor
	most := p.rows
	if factor == 0 {
		length := trained
		for length < q.N {
			length += (length + 7) / 8
		}
		factor, most = float64(length)/float64(trained), min(length, p.rows)
	}
	if factor != p.made || q.N > p.upTo {
		table := kernels.RopeTable(scaledFrequencies(p.shape.InvFreq, factor), max(most, kernels.LeastPositions), p.shape.ropeScale())
		raw := make([]byte, 0, 4*len(table))
		for _, x := range table {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
		if err := p.dev.Write(p.table, 0, raw); err != nil {
			r.Fail(fmt.Errorf("selection: rotary table for a factor of %v: %w", factor, err))
			return out
		}
		p.made, p.upTo = factor, most
	}
	out.Attended = kernels.Attended{NLocal: q.N - q.C}
	out.Table = gpu.All(p.table)
	return out
}

// scaledFrequencies are those of the pairs of a head when RoPE's base is multiplied
// by factor^(d/(d-2)): that of pair i falls by factor^(2i/(d-2)).
func scaledFrequencies(invFreq []float32, factor float64) []float32 {
	scaled, d := make([]float32, len(invFreq)), 2*len(invFreq)
	for i, f := range invFreq {
		scaled[i] = f
		if i > 0 {
			scaled[i] = float32(float64(f) * math.Pow(factor, -2*float64(i)/float64(d-2)))
		}
	}
	return scaled
}
