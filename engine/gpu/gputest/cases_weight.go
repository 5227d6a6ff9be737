package gputest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() {
	register(embedCases)
	register(matMulCases)
}

// weightTypes are all types of weights.
var weightTypes = []kernels.WeightType{kernels.F32, kernels.F16, kernels.Q8_0, kernels.Q4_0, kernels.Q4_1}

// inBlocks tells those whose rows are whole blocks of 32 values, with scales.
func inBlocks(t kernels.WeightType) bool {
	return t == kernels.Q8_0 || t == kernels.Q4_0 || t == kernels.Q4_1
}

// matrix is a weight and the buffers that hold it.
type matrix struct {
	kind       kernels.WeightType
	rows, cols int
	shards     []int // rows of each
}

// buffers makes random shards. Values have magnitudes about 1.
func (m matrix) buffers(rng *rand.Rand) []Buffer {
	var b []Buffer
	for i, rows := range m.shards {
		name := fmt.Sprintf("w%d", i)
		switch m.kind {
		case kernels.F32:
			b = append(b, In(name, Normal(rng, rows*m.cols, 1)))
		case kernels.F16:
			b = append(b, In(name, Halves(rng, rows*m.cols, 1)))
		case kernels.Q8_0:
			b = append(b, In(name, Bytes(rng, rows*m.cols)), In(name+"_scale", Halves(rng, rows*m.cols/32, -5)))
		case kernels.Q4_0:
			b = append(b, In(name, Bytes(rng, rows*m.cols/2)), In(name+"_scale", Halves(rng, rows*m.cols/32, -1)))
		case kernels.Q4_1:
			b = append(b, In(name, Bytes(rng, rows*m.cols/2)), In(name+"_scale", Halves(rng, 2*rows*m.cols/32, -1)))
		}
	}
	return b
}

// weight is the matrix in bound buffers.
func (m matrix) weight(b []gpu.Range) kernels.Weight {
	w := kernels.Weight{Type: m.kind, Rows: m.rows, Cols: m.cols}
	row := 0
	for _, rows := range m.shards {
		s := kernels.Shard{Row0: row, Rows: rows, Data: b[0]}
		b = b[1:]
		if inBlocks(m.kind) {
			s.Scale, b = b[0], b[1:]
		}
		w.Shards = append(w.Shards, s)
		row += rows
	}
	return w
}

func embedCases() []Case {
	var cases []Case
	for _, kind := range weightTypes {
		for _, s := range []struct {
			name   string
			cols   int
			shards []int
			ids    []uint32
		}{
			{"one", 64, []int{1}, []uint32{0}},
			{"repeated", 96, []int{9}, []uint32{8, 0, 8, 3}},
			{"two shards", 320, []int{5, 8}, []uint32{4, 5, 12, 0, 5}},
			{"beyond the table", 32, []int{3, 3}, []uint32{6, 2, 0xffffffff, 3, 0x80000000}},
			{"all of a shard beyond", 64, []int{2}, []uint32{2}},
			{"wide", 1024, []int{3}, []uint32{2, 1}},
			{"odd", 33, []int{3, 4}, []uint32{1, 2, 3, 4, 6, 5}},
		} {
			cols := s.cols
			if inBlocks(kind) {
				cols = (cols + 31) / 32 * 32
			}
			m := matrix{kind, sum(s.shards), cols, s.shards}
			cases = append(cases, m.embedCase(s.name, func(*rand.Rand) []uint32 { return s.ids }))
		}
		m := matrix{kind, 40, 64, []int{13, 27}}
		cases = append(cases, m.embedCase("130 tokens", func(rng *rand.Rand) []uint32 { return m.someIDs(rng, 130) }))
	}
	return cases
}

// someIDs are rows of m.
func (m matrix) someIDs(rng *rand.Rand, n int) []uint32 {
	ids := make([]uint32, n)
	for i := range ids {
		ids[i] = rng.Uint32N(uint32(m.rows))
	}
	return ids
}

func (m matrix) embedCase(name string, pick func(*rand.Rand) []uint32) Case {
	return Case{fmt.Sprintf("embed_%s/%s", m.kind, name), func(rng *rand.Rand) Plan {
		ids := pick(rng)
		return Plan{
			// An embedding is a value, or the product of two: the same everywhere.
			Buffers: append([]Buffer{In("ids", Words(ids...)), Out("y", len(ids)*m.cols, nil)}, m.buffers(rng)...),
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.Embed(r, m.weight(b[2:]), b[0], b[1], len(ids))
			},
		}
	}}
}

func matMulCases() []Case {
	type shape struct {
		rows, k, n int
		shards     []int
		xOffset    int
	}
	free := []shape{
		{1, 1, 1, nil, 0}, {1, 3, 7, nil, 0}, {1, 33, 9, nil, 0}, {1, 1027, 63, nil, 0}, {1, 1024, 640, nil, 0}, {1, 2051, 8, nil, 0},
		{1, 35, 70, []int{9, 61}, 7 * 35}, {1, 1026, 17, nil, 0}, {2, 1, 1, nil, 0}, {2, 31, 65, nil, 0}, {3, 2, 5, nil, 0}, {66, 34, 66, nil, 2}, {3, 33, 7, nil, 5}, {63, 64, 63, nil, 0},
		{64, 32, 64, nil, 0}, {65, 65, 65, nil, 0}, {130, 100, 130, nil, 0}, {130, 37, 129, []int{64, 1, 64}, 1}, {2, 512, 640, nil, 0},
	}
	blocks := []shape{
		{1, 32, 1, nil, 0}, {1, 96, 7, nil, 0}, {1, 384, 9, nil, 0}, {1, 1024, 640, nil, 0}, {1, 2080, 63, nil, 0},
		{1, 96, 70, []int{9, 61}, 7 * 96}, {2, 32, 1, nil, 0}, {3, 96, 65, nil, 4}, {63, 384, 63, nil, 0}, {64, 32, 64, nil, 0},
		{65, 96, 65, nil, 0}, {130, 1024, 130, nil, 0}, {130, 96, 129, []int{64, 1, 64}, 8}, {2, 384, 640, nil, 0},
		// Of many rows, few invocations share one.
		{1, 32, 8200, nil, 0}, {1, 608, 8193, nil, 4}, {1, 64, 8251, []int{8240, 11}, 0},
	}
	var cases []Case
	for _, kind := range weightTypes {
		shapes := blocks
		switch {
		case kind == kernels.F32:
			shapes = free
		case kind == kernels.F16:
			shapes = slices.Concat(free, blocks)
		}
		seen := map[string]bool{}
		for _, s := range shapes {
			if s.shards == nil {
				s.shards = []int{s.n}
			}
			if c := (matrix{kind, s.n, s.k, s.shards}).multiplyCase(s.rows, s.xOffset); !seen[c.Name] {
				cases, seen[c.Name] = append(cases, c), true
			}
		}
		if kind != kernels.F32 {
			for _, s := range []shape{{1, 32, 1, []int{1}, 0}, {64, 32, 128, []int{128}, 0}, {65, 96, 129, []int{129}, 4}, {130, 256, 300, []int{129, 171}, 0}} {
				cases = append(cases, matrix{kind, s.n, s.k, s.shards}.largeCase(s.rows, s.xOffset))
			}
		}
		for _, rows := range []int{1, 3, 65} {
			m := matrix{kind, 129, 96, []int{64, 1, 64}}
			cases = append(cases, m.addCase(rows))
		}
		for _, rows := range []int{1, 65} {
			m := matrix{kind, 67, 96, []int{67}}
			for _, sigma := range []float64{1e30, 1e-30} {
				cases = append(cases, Case{fmt.Sprintf("%s/%g", m.multiply(rows, 0), sigma), func(rng *rand.Rand) Plan {
					return m.plan(rng, Normal(rng, rows*m.cols, sigma), rows, 0, allowed("matmul"))
				}})
			}
			cases = append(cases, Case{m.multiply(rows, 0) + "/a NaN stays in its row", func(rng *rand.Rand) Plan {
				x := Normal(rng, rows*m.cols, 1)
				binary.LittleEndian.PutUint32(x[4*(rows/2*m.cols+40):], math.Float32bits(nan))
				return m.plan(rng, x, rows, 0, allowed("matmul"))
			}})
		}
		m := matrix{kind, 67, 96, []int{67}}
		cases = append(cases, Case{m.multiply(65, 0) + "/rows of all magnitudes", func(rng *rand.Rand) Plan {
			var x []byte
			for row := range 65 {
				x = append(x, Normal(rng, m.cols, []float64{1, 1e30, 1e-30, 0}[row%4])...)
			}
			binary.LittleEndian.PutUint32(x[4*(32*m.cols+40):], math.Float32bits(nan))
			return m.plan(rng, x, 65, 0, each(m.rows, allowed("matmul")))
		}})
	}
	return cases
}

func (m matrix) multiplyCase(rows, xOffset int) Case {
	name := fmt.Sprintf("%s/%dx%dx%d", m.multiply(rows, xOffset), rows, m.cols, m.rows)
	return Case{name, func(rng *rand.Rand) Plan {
		return m.plan(rng, Normal(rng, xOffset+rows*m.cols, 1), rows, xOffset, sums("matmul", float64(m.cols)))
	}}
}

// addCase adds the products to what is there.
func (m matrix) addCase(rows int) Case {
	return Case{fmt.Sprintf("%s/%dx%dx%d, added", m.multiply(rows, 0), rows, m.cols, m.rows), func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: append([]Buffer{In("x", Normal(rng, rows*m.cols, 1)), InOut("y", Normal(rng, rows*m.rows, 5), sums("matmul", float64(m.cols)))}, m.buffers(rng)...),
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.MatMulAdd(r, m.weight(b[2:]), b[0], b[1], rows, 0)
			},
		}
	}}
}

// multiply is the kernel that multiplies so many rows by a weight.
func (m matrix) multiply(rows, xOffset int) string {
	name := "matmul_"
	if rows == 1 {
		name = "matvec_"
	}
	switch {
	case m.kind == kernels.F32 || m.cols%32 != 0 || xOffset%4 != 0:
		name += "any_"
	}
	return name + m.kind.String()
}

// largeCase takes the tiles that are for large weights.
func (m matrix) largeCase(rows, xOffset int) Case {
	return Case{fmt.Sprintf("matmul_large_%v/%dx%dx%d in %v from %d", m.kind, rows, m.cols, m.rows, m.shards, xOffset), func(rng *rand.Rand) Plan {
		plan := m.plan(rng, Normal(rng, xOffset+rows*m.cols, 1), rows, xOffset, sums("matmul", float64(m.cols)))
		plan.Record = func(r *gpu.Recording, b []gpu.Range) {
			kernels.MatMulLarge(r, m.weight(b[2:]), b[0], b[1], rows, xOffset)
		}
		return plan
	}}
}

func (m matrix) plan(rng *rand.Rand, x []byte, rows, xOffset int, c Compare) Plan {
	return Plan{
		Buffers: append([]Buffer{In("x", x), Out("y", rows*m.rows, c)}, m.buffers(rng)...),
		Record: func(r *gpu.Recording, b []gpu.Range) {
			kernels.MatMul(r, m.weight(b[2:]), b[0], b[1], rows, xOffset)
		},
	}
}

func sum(v []int) int {
	s := 0
	for _, n := range v {
		s += n
	}
	return s
}
