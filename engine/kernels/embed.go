package kernels

import "tokenselect/engine/gpu"

// EmbedParams are those of embed_*.
type EmbedParams struct {
	Rows uint32 // tokens
	Cols uint32 // values of an embedding
	Row0 uint32 // first row of the table that this shard holds
	Held uint32 // rows that it holds; other ids are left alone
}

var embed = [...]*gpu.Kernel{F32: newEmbed(F32), F16: newEmbed(F16), Q8_0: newEmbed(Q8_0), Q4_0: newEmbed(Q4_0), Q4_1: newEmbed(Q4_1)}

func newEmbed(t WeightType) *gpu.Kernel {
	name := "embed_" + t.String()
	return &gpu.Kernel{
		Name:     name,
		Bindings: t.bindings(in("ids"), out("y")),
		Params:   sizeOf[EmbedParams](),
		WGSL:     wgsl(name, nil),
		Items:    func(c *gpu.Call) int { return int(params[EmbedParams](c).Rows) },
		Twin: func(c *gpu.Call, lo, hi int) {
			p := params[EmbedParams](c)
			ids, y, cols := view[uint32](c, 0), view[float32](c, 1), int(p.Cols)
			for i := lo; i < hi; i++ {
				if id := ids[i]; id >= p.Row0 && id-p.Row0 < p.Held {
					t.decodeRow(y[i*cols:][:cols], c, 2, int(id-p.Row0))
				}
			}
		},
	}
}

// Embed records y[i] = w[ids[i]] for rows ids: y is [rows][w.Cols]. One
// workgroup a row. Ids beyond the table leave their row of y as it is; callers
// check ids.
func Embed(r *gpu.Recording, w Weight, ids, y gpu.Range, rows int) {
	k := embed[w.Type]
	need(r, k, 0, ids, rows)
	need(r, k, 1, y, rows*w.Cols)
	for _, s := range w.Shards {
		w.needShard(r, k, s)
		ranges, n := s.ranges(ids, y)
		gpu.Dispatch(r, k, rows, &EmbedParams{uint32(rows), uint32(w.Cols), uint32(s.Row0), uint32(s.Rows)}, ranges[:n]...)
	}
}
