package layer

import (
	"context"

	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
)

// remembers tells whether a policy makes something of a text as it is read: bounds of
// pages, representatives of blocks, the last queries.
func remembers(p selection.Policy) bool {
	return p == selection.Quest || p == selection.InfLLM || p == selection.SnapKV
}

// read runs, for a policy that remembers, its part of reading the text in front of the
// last c rows in chunks, the first of which may be shorter. A row that is decoded is
// read too: repeating it is then a step like most, not the one that ends a prompt
// (SnapKV) or completes a block (InfLLM).
func (b *bed) read(ctx context.Context, c int) error {
	if !remembers(b.selector.Config().Policy) {
		return nil
	}
	var r gpu.Recording
	step := func(rows, queries int) error {
		r.Reset()
		for i := range b.k {
			b.selection(&r, i, rows, queries)
		}
		if r.Err() != nil {
			return r.Err()
		}
		return b.dev.Submit(&r)
	}
	past := b.rows - c
	for at := 0; at < past; {
		n := b.chunk
		if short := past % b.chunk; at == 0 && short > 0 {
			n = short
		}
		at += n
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(at, n); err != nil {
			return err
		}
	}
	if c > 1 {
		return nil
	}
	return step(b.rows, c)
}

// rewind takes what a policy that remembers knows of layer i's text back to where a
// chunk of the last c rows finds it, so that what it makes of a chunk is new each time
// that the chunk is measured. What it makes reaches back over the local window and a
// page or block: those steps are recorded, and never run, as what they make is there.
func (b *bed) rewind(r *gpu.Recording, i, c int) {
	cfg := b.selector.Config()
	if c == 1 || !remembers(cfg.Policy) {
		return
	}
	var never gpu.Recording
	past := b.rows - c
	steps := 1 + (cfg.NLocal+max(cfg.Rivals.Page, cfg.Rivals.Block)+c-1)/c
	for n := min(steps, past/c); n > 0; n-- {
		b.selection(&never, i, past-(n-1)*c, c)
	}
	if err := never.Err(); err != nil {
		r.Fail(err)
	}
}
