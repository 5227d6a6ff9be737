//go:build !lean

package selection

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// selfExtend is SelfExtend (arXiv 2401.01325): dense attention, where keys further
// behind the query than a window of neighbours stand at positions divided by a group
// size and rounded down, so that no distance exceeds those that the model was trained
// for. The group is Rivals.Group, or where that is 0 the smallest that fits the text
// into the trained context; 1 is dense attention.
type selfExtend struct{ *Selector }

func (p selfExtend) memory(int) []buffer { return nil }

func (p selfExtend) attend(r *gpu.Recording, q kernels.Query, out kernels.Selection) kernels.Selection {
	out.Lists = p.cfg.grouped(q.N)
	out.Lists.NLocal = q.N - q.C
	out.Lists.Sel, out.Lists.Counts = out.Sel, out.State // not read
	return out
}
