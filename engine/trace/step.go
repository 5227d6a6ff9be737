package trace

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// Step is what the layers attended to when a token of the answer was computed:
// the first n_init rows, the local window, and what Layers lists.
type Step struct {
	N      int     `json:"n"`      // rows in the cache
	NInit  int     `json:"n_init"` // rows [0, NInit) are attended to
	NLocal int     `json:"n_local"`
	Layers []Layer `json:"layers"`

	Kernels []Kernel `json:"kernels,omitempty"` // with Record.Timings
}

// Between is where the first rows that a layer attended to end and where its local
// ones begin, where so many of its rows were selected.
func (s *Step) Between(layer, selected int) (first, local int) {
	l := &s.Layers[layer]
	if !l.Sliding {
		first = min(s.NInit, s.N)
	}
	return first, max(first, s.N-(l.Attended-first-selected))
}

// Kernel is what the kernels of a kind took together in a step.
type Kernel struct {
	Name string  `json:"name"`
	MS   float64 `json:"ms"`
}

// Layer is the selection of one layer, coded against the same layer's of the
// step before it.
type Layer struct {
	Attended int     `json:"a"`           // rows attended to in all
	Hit      bool    `json:"h,omitempty"` // a hit of the Selection Cache
	Cosine   float32 `json:"c,omitempty"` // of the query and the cached one
	// The layer has a sliding window: it attends to the last Attended rows and, unlike
	// the others, not to the first ones.
	Sliding bool `json:"sliding,omitempty"`
	// Rows are the selected rows in order, each but the first as the distance
	// from the one before it. Where it is absent, the rows are those of the step
	// before with what Add and Drop say, or with All every row of the cache.
	Rows []int `json:"r,omitempty"`
	Add  []int `json:"+,omitempty"` // rows that the step before had not, coded alike
	Drop []int `json:"-,omitempty"` // and rows that it had
	All  bool  `json:"all,omitempty"`

	// With Record.Votes. Of a hit, which casts no votes, and of a layer that does
	// not select there are none.
	Votes      []byte    `json:"v,omitempty"`          // of each selected row in order, on the scale of [Log8]
	Cut        []float32 `json:"cut,omitempty"`        // the least vote that was selected and the greatest that was not
	Candidates int       `json:"candidates,omitempty"` // rows that were voted on
	// Of each selected row in order the heads that have it among their own k best
	// candidates: a bit a head, the first in the lowest bit of the first byte.
	HeadVotes []byte  `json:"hv,omitempty"`
	Turn      float32 `json:"q,omitempty"` // cosine of this step's query, of all heads, with that of the step before

	// With Record.Mass. Mass is for each head how dense attention, which attends to
	// every row (of its sliding window, if the layer has one) at its true distance,
	// shares itself among the first n_init rows, the selected ones, the local window
	// and those that were not attended to.
	Mass   [][]float32 `json:"mass,omitempty"`
	Near   []float32   `json:"near,omitempty"`   // for each head the share on attended rows with distances cut to n_local, at which candidates are scored
	Blocks *Blocks     `json:"blocks,omitempty"` // where there is something left to select

	// With Record.Heads: for each head the rows between the first and the last n_local
	// that have most of its attention's weight, the heaviest first, and their
	// weights in the attention that ran, those of one head after the other's, on the
	// scale of [Log8].
	Top     [][]int `json:"top,omitempty"`
	Weights []byte  `json:"w,omitempty"`

	Scores []Scores `json:"scores,omitempty"` // with Record.Scores
}

// Scores are a head's, q·k/√d, of every row at distances cut to n_local: a byte b
// stands for Lo + (Hi-Lo) b/255.
type Scores struct {
	Head   int     `json:"head"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
	Values []byte  `json:"b,omitempty"`

	// What some of them are products of: the query, rotated to n_local, and keys at
	// position 0. With those a candidate's score is their dot product over √d.
	Query []float32 `json:"q,omitempty"`
	Keys  []Key     `json:"keys,omitempty"` // of the best candidates, the best first, and of the middle one
}

// Key is what a row is scored by, for a head.
type Key struct {
	Row    int       `json:"row"`
	Values []float32 `json:"k"`
}

// BlockSizes are the tokens of the blocks that single tokens are compared with.
var BlockSizes = [...]int{1, 8, 16, 32, 64, 128}

// Blocks is for each of BlockSizes the share of the candidates' mass, with distances
// cut to n_local, that the best blocks of k tokens in all hold, mean of the heads. In
// JSON it is an object with the sizes as keys.
type Blocks [len(BlockSizes)]float32

// MarshalJSON says what events say.
func (b Blocks) MarshalJSON() ([]byte, error) { return b.append(nil), nil }

// UnmarshalJSON reads it back; every size has to be there.
func (b *Blocks) UnmarshalJSON(raw []byte) error {
	shares := map[int]float32{}
	if err := json.Unmarshal(raw, &shares); err != nil {
		return err
	}
	for i, size := range BlockSizes {
		share, ok := shares[size]
		if !ok || len(shares) != len(BlockSizes) {
			return fmt.Errorf("blocks of %d sizes, expected shares of %v tokens", len(shares), BlockSizes)
		}
		b[i] = share
	}
	return nil
}

// Log8 is a value on a scale of bytes that suits what spans magnitudes: 0 is 0, and
// b stands for 2^((b-192)/8), from 6e-8 to 2^7.9 in steps of 9 %.
func Log8(v float64) byte {
	if !(v > 0) {
		return 0
	}
	return byte(min(max(math.Round(192+8*math.Log2(v)), 1), 255))
}

// FromLog8 is the value that a byte stands for.
func FromLog8(b byte) float64 {
	if b == 0 {
		return 0
	}
	return math.Exp2((float64(b) - 192) / 8)
}

// Deltas codes ascending rows as the first and the distances.
func Deltas(rows []int) []int {
	d := slices.Clone(rows)
	for i := len(d) - 1; i > 0; i-- {
		d[i] -= d[i-1]
	}
	return d
}

// Encoder codes the steps of an answer. The zero value starts one.
type Encoder struct{ before [][]int }

// Layer codes the rows of layer i, ascending; nil where all were attended to.
func (e *Encoder) Layer(i int, rows []int) Layer {
	for len(e.before) <= i {
		e.before = append(e.before, nil)
	}
	before := e.before[i]
	e.before[i] = rows
	if rows == nil {
		return Layer{All: true}
	}
	add, drop := minus(rows, before), minus(before, rows)
	if len(rows) == 0 || before != nil && len(add)+len(drop) < len(rows) {
		return Layer{Add: Deltas(add), Drop: Deltas(drop)}
	}
	return Layer{Rows: Deltas(rows)}
}

// minus is what is in a and not in b, both ascending.
func minus(a, b []int) []int {
	var out []int
	for _, v := range a {
		if _, in := slices.BinarySearch(b, v); !in {
			out = append(out, v)
		}
	}
	return out
}

// Decoder gives the rows of coded steps back. The zero value starts an answer.
type Decoder struct{ before [][]int }

// Layer is the rows of layer i, nil where all were attended to.
func (d *Decoder) Layer(i int, l Layer) ([]int, error) {
	for len(d.before) <= i {
		d.before = append(d.before, nil)
	}
	rows, err := d.rows(i, l)
	if err != nil {
		return nil, fmt.Errorf("trace: layer %d: %w", i, err)
	}
	d.before[i] = rows
	return rows, nil
}

func (d *Decoder) rows(i int, l Layer) ([]int, error) {
	if l.All {
		return nil, nil
	}
	if l.Rows != nil {
		return sums(l.Rows)
	}
	add, err := sums(l.Add)
	if err != nil {
		return nil, err
	}
	drop, err := sums(l.Drop)
	if err != nil {
		return nil, err
	}
	if d.before[i] == nil && len(add)+len(drop) > 0 {
		return nil, fmt.Errorf("a change without a step before it")
	}
	if missing := minus(drop, d.before[i]); missing != nil {
		return nil, fmt.Errorf("row %d is dropped and was not there", missing[0])
	}
	rows := append(minus(d.before[i], drop), add...)
	slices.Sort(rows)
	if rows == nil {
		rows = []int{}
	}
	return rows, nil
}

func sums(deltas []int) ([]int, error) {
	rows := slices.Clone(deltas)
	for i, v := range rows {
		if v < 0 || i > 0 && v == 0 {
			return nil, fmt.Errorf("distance %d at %d, expected rows in ascending order", v, i)
		}
		if i > 0 {
			rows[i] += rows[i-1]
		}
	}
	return rows, nil
}
