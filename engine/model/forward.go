package model

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// step records and submits the forward pass of the n tokens in s.ids, which
// become the next rows of the cache. There is room for them.
func (s *Sequence) step(n int, logits bool) error {
	s.rec.Reset()
	s.record(n, logits, -1)
	if err := s.submit(&s.rec); err != nil {
		return err
	}
	s.cache.Append(n)
	return nil
}

// record adds the forward pass of the n tokens in s.ids to what is recorded. The most
// likely next token is also left at place pick of s.picks, unless that is -1.
func (s *Sequence) record(n int, logits bool, pick int) {
	r, c := &s.rec, s.m.Config
	ids, x, h := gpu.All(s.ids), gpu.All(s.x), gpu.All(s.h)
	kernels.Embed(r, s.m.embed, ids, x, n)
	for i := range s.m.layers {
		s.attention(r, i, n)
		s.feedForward(r, &s.m.layers[i], n)
	}
	if logits {
		last := kernels.Norm{X: x, Gain: s.m.norm, Offset: (n - 1) * c.Hidden, Eps: c.NormEps}
		kernels.NormMatMul(r, last, s.m.head, gpu.Range{}, h, gpu.All(s.logits), 1)
		kernels.Argmax(r, gpu.All(s.logits), gpu.All(s.part), ids, c.Vocab)
		if pick >= 0 {
			r.Copy(s.picks, 4*pick, s.ids, 0, 4)
		}
	}
}

// attention records x += O attend(norm(x)) for layer i.
func (s *Sequence) attention(r *gpu.Recording, i, n int) {
	c, l := s.m.Config, &s.m.layers[i]
	x, h, qkv, q, att := gpu.All(s.x), gpu.All(s.h), gpu.All(s.qkv), gpu.All(s.q), gpu.All(s.att)
	heads, kvHeads, d := c.Heads, c.KVHeads, c.HeadDim
	width, kOffset, vOffset := s.m.qkvWidth(), heads*d, (heads+kvHeads)*d
	past := s.cache.Len()

	kernels.NormMatMul(r, kernels.Norm{X: x, Gain: l.attnNorm, Eps: c.NormEps}, l.qkv, l.bias, h, qkv, n)
	if c.QKNorm {
		kernels.HeadNorm(r, qkv, l.qNorm, n, heads, d, width, 0, c.NormEps)
		kernels.HeadNorm(r, qkv, l.kNorm, n, kvHeads, d, width, kOffset, c.NormEps)
	}
	k, v, cache := s.cache.Layer(i)
	kernels.KVAppend(r, cache, qkv, k, v, n, width, kOffset, vOffset, kvHeads*d, past)

	index := s.cache.Index(i)
	if index.Type != kernels.IndexNone && c.WindowOf(i) == 0 { // a layer with a window scores nothing
		centre := s.centreOf(i)
		if past == 0 {
			kernels.MeanRows(r, qkv, centre, n, width)
		}
		kernels.KeyIndex(r, index, qkv, centre, n, width, kOffset, kvHeads, d, past)
	}
	sel := s.sel.Select(r, kernels.Query{Layer: i, N: past + n, C: n, QKV: qkv, Stride: width, Keys: k, Cache: cache, Index: index})
	table := gpu.All(s.table)
	if sel.Table.Buffer != nil {
		table = sel.Table
	}
	switch {
	case sel.Lists.N > 0:
		kernels.AttentionLists(r, cache, qkv, k, v, table, att, heads, kvHeads, d, past+n, n, width, sel.Lists)
	case n == 1:
		kernels.AttentionDecode(r, cache, qkv, k, v, sel.Sel, sel.State, table, gpu.All(s.part), att, heads, kvHeads, d, past+n, sel.Attended)
	default:
		// The queries are the last n entries of the list; how long it is depends
		// on the selection, which stays on the device.
		kernels.Rope(r, qkv, table, sel.State, q, n, heads, d, width, sel.NInit+sel.NLocal, sel.UseMid)
		splits := 1
		if s.split {
			splits = kernels.ChunkSplits(n, heads, kvHeads, sel.NInit+sel.MaxMid+sel.NLocal+n)
		}
		sel.LargeKeys = c.AttentionBias
		kernels.AttentionChunk(r, cache, q, k, v, sel.Sel, sel.State, table, gpu.All(s.part), att, heads, kvHeads, d, past+n, n, sel.Attended, splits)
	}
	kernels.MatMulAdd(r, l.o, att, x, n, 0)
	if c.OutputBias {
		kernels.Add(r, l.oBias, x, n*c.Hidden, c.Hidden)
	}
}

// feedForward records x += down(silu(gate(norm(x))) * up(norm(x))).
func (s *Sequence) feedForward(r *gpu.Recording, l *layer, n int) {
	c := s.m.Config
	x, h, gateUp, ff := gpu.All(s.x), gpu.All(s.h), gpu.All(s.gateUp), gpu.All(s.ff)
	kernels.NormSwiGLU(r, kernels.Norm{X: x, Gain: l.mlpNorm, Eps: c.NormEps}, l.gateUp, l.gateUpBias, h, gateUp, ff, n)
	kernels.MatMulAdd(r, l.down, ff, x, n, 0)
	if c.MLPBias {
		kernels.Add(r, l.downBias, x, n*c.Hidden, c.Hidden)
	}
}
