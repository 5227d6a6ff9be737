package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// ProbesParams are those of probes.
type ProbesParams struct {
	Rows    uint32
	Heads   uint32
	KVHeads uint32
	D       uint32
	Probes  uint32
	Per     uint32 // probes of a batch
	Stride  uint32 // values from batch to batch of y
	Across  uint32 // 1: key head kv is that of heads kv, kv + KVHeads, ...
}

const probeValues = 64 // of a workgroup of probes

var probesKernel single

func probesOf() *gpu.Kernel {
	return probesKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "probes",
			Bindings: []gpu.Binding{in("x"), out("y")},
			Params:   sizeOf[ProbesParams](),
			WGSL:     wgsl("probes", nil),
			Items:    func(c *gpu.Call) int { return int(params[ProbesParams](c).Probes) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[ProbesParams](c)
				x, y := view[float32](c, 0), view[float32](c, 1)
				rows, heads, d, probes, per := int(p.Rows), int(p.Heads), int(p.D), int(p.Probes), int(p.Per)
				kvHeads, group := int(p.KVHeads), int(p.Heads/p.KVHeads)
				for j := lo; j < hi; j++ {
					batch := j / per
					count := min(per, probes-batch*per)
					from, to := j*rows/probes, (j+1)*rows/probes
					for kv := range kvHeads {
						for g := range group {
							head := kv*group + g
							if p.Across != 0 {
								head = kv + g*kvHeads
							}
							slot := (kv*count+j%per)*group + g
							mean := y[batch*int(p.Stride)+slot*d:][:d]
							clear(mean)
							for i := from; i < to; i++ {
								for e, v := range x[(i*heads+head)*d:][:d] {
									mean[e] += v
								}
							}
							for e := range mean {
								mean[e] /= float32(to - from)
							}
						}
					}
				}
			},
		}
	})
}

// Probes records the probes of a chunk: the means of the queries of its parts,
// probes of them of as many rows as can be the same (paper, section 3.2, has one). x
// is [rows][heads][d]. y is batches of per probes, the last one of those that are
// left, each [kvHeads][probes][group][d], stride values from one to the next: to
// ScoreStats a batch is one probe of that many times the heads. With across, the heads of a key head are not those
// that follow each other, as attention has it, but those that are kv modulo kvHeads
// (paper, Algorithm 2). 1 <= probes <= rows. 64 values of y a workgroup.
func Probes(r *gpu.Recording, x, y gpu.Range, rows, heads, kvHeads, d, probes, per, stride int, across bool) {
	if probes < 1 || probes > rows || per < 1 {
		r.Fail(fmt.Errorf("kernels: probes: %d of %d rows in batches of %d, expected 1 to %d in batches of 1 or more", probes, rows, per, rows))
		return
	}
	if kvHeads < 1 || heads%kvHeads != 0 {
		r.Fail(fmt.Errorf("kernels: probes: %d heads over %d key heads, expected a multiple", heads, kvHeads))
		return
	}
	if stride < min(per, probes)*heads*d {
		r.Fail(fmt.Errorf("kernels: probes: %d values from batch to batch, expected at least %d", stride, min(per, probes)*heads*d))
		return
	}
	last := (probes - 1) / per // batch
	need(r, probesOf(), 0, x, rows*heads*d)
	need(r, probesOf(), 1, y, last*stride+(probes-last*per)*heads*d)
	p := ProbesParams{uint32(rows), uint32(heads), uint32(kvHeads), uint32(d), uint32(probes), uint32(per), uint32(stride), 0}
	if across {
		p.Across = 1
	}
	gpu.Dispatch(r, probesOf(), ceil(probes*heads*d, probeValues), &p, x, y)
}
