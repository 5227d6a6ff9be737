package kernels

import "tokenselect/engine/gpu"

var attentionDecodes family[cacheShape]

// attentionDecode is the kernel for heads of size d, group of them to a key head.
func attentionDecode(t CacheType, d, group int) *gpu.Kernel {
	return attentionDecodes.get(cacheShape{t, d, group}, func() *gpu.Kernel {
		name := "attention_decode_" + t.String()
		shares, lanes, keys := decodeShares(group), decodeLanes(d), decodeKeys(d)
		return &gpu.Kernel{
			Name:     name,
			Bindings: attentionBindings("part"),
			Params:   sizeOf[AttentionParams](),
			WGSL: wgsl(name, map[string]int{"HEAD_DIM": d, "VECS": d / 4, "HALF": d / 8, "LANES": lanes, "GROUP": group, "SHARE": ceil(group, shares),
				"SHARES": shares, "ROWS": decodeWidth / lanes, "KEYS": keys, "SLOTS": 16 / lanes, "PARTIALS": keys * (lanes + 1)}),
			Items: func(c *gpu.Call) int {
				p := params[AttentionParams](c)
				return int(p.Splits * p.KVHeads)
			},
			Twin: spare(func(c *gpu.Call, lo, hi int) {
				p := params[AttentionParams](c)
				q, k, v := view[float32](c, 0), t.view(c, 1), t.view(c, 2)
				l := newList(p, view[uint32](c, 4), view[uint32](c, 3))
				table, part := view[float32](c, 5), view[float32](c, 6)
				heads, kvHeads := int(p.Heads), int(p.KVHeads)
				turned := make([]float32, d)
				for i := lo; i < hi; i++ {
					split, kv := i/kvHeads, i%kvHeads
					for h := kv * group; h < (kv+1)*group; h++ {
						part := part[(split*heads+h)*(d+2):][:d+2]
						a := newPartial(part[:d])
						for from := split * int(p.Split); from < l.length; from += int(p.Splits * p.Split) {
							rotate(turned, q[h*d:][:d], table[(l.length-1-from)*d:][:d])
							a.attend(turned, l, from, min(from+int(p.Split), l.length), 0, kv, kvHeads, k, v, table)
						}
						part[d], part[d+1] = a.m, a.sum
					}
				}
			}),
			Fast: fastAttentionDecode(t, d, group),
		}
	})
}

// How attention_decode shares its work.
const (
	decodeWidth  = 32   // invocations of a workgroup
	decodeGroups = 1536 // workgroups of a long list: what a large GPU runs at once, 12 on each of 128 processors
	decodeBlock  = 32   // entries of a block of a long list, unless a tile has more
	decodeLeast  = 16   // of a block where all blocks together are no more than those workgroups
	shareHeads   = 4    // heads of an invocation
)

// decodeSplit is how a list of at most length entries is dealt out: in blocks of
// split entries, to splits parts.
func decodeSplit(length, kvHeads, group, d int) (split, splits int) {
	parts, keys := ceil(decodeGroups, kvHeads*decodeShares(group)), decodeKeys(d)
	split = max(decodeLeast, keys)
	if length > split*parts {
		split = max(decodeBlock, keys)
	}
	return split, min(ceil(length, split), parts)
}

// LeastPositions is the least number of positions of AttentionDecode's rotary table: as
// many as it turns keys for, however short a list is.
const LeastPositions = 128

// decodeShares is the number of workgroups that share the heads of a key head.
func decodeShares(group int) int { return ceil(group, shareHeads) }

// decodeLanes is the number of invocations that share a key: 8 dimensions are for
// each, and they are a power of two.
func decodeLanes(d int) int { return powerOfTwo(d / 8) }

// decodeKeys is the number of entries of a tile: four for each of the invocations
// that do not share one.
func decodeKeys(d int) int { return 4 * decodeWidth / decodeLanes(d) }

// PartWords is the size of what AttentionDecode needs between its two kernels,
// for lists of any length.
func PartWords(heads, kvHeads, d int) int {
	return ceil(decodeGroups, kvHeads*decodeShares(heads/kvHeads)) * heads * (d + 2)
}

// AttentionDecode records y = attention of one query over the attended rows
// (paper, eq. 1 and 2, with RoPE at contiguous positions), whose list is dealt out
// to parts that are merged with an online softmax. q is [heads][d], before RoPE: it stands at
// the list's last position; k and v are a layer's cache, [rows][kvHeads][d];
// table is RopeTable's, of LeastPositions at least; y is [heads*d]. part holds PartWords words. A workgroup of
// the first kernel takes one part of the list for one key head and up to four of
// its query heads; one of the second, some values of y. Limits of heads and d are
// PagedDot's.
func AttentionDecode(r *gpu.Recording, t CacheType, q, k, v, sel, state, table, part, y gpu.Range, heads, kvHeads, d, n int, a Attended) {
	group := needHeads(r, "attention_decode", heads, kvHeads, d)
	if group == 0 {
		return
	}
	length := a.NInit + a.MaxMid + a.NLocal + 1
	split, splits := decodeSplit(length, kvHeads, group, d)
	kern := attentionDecode(t, d, group)
	needAttention(r, kern, t, q, k, v, sel, state, table, heads, kvHeads, d, n, 1, a)
	need(r, kern, 5, table, split*d)
	need(r, kern, 6, part, splits*heads*(d+2))
	need(r, attentionMerge, 1, y, heads*d)
	p := attentionParams(n, 1, heads, kvHeads, a)
	p.Split, p.Splits = uint32(split), uint32(splits)
	gpu.Dispatch(r, kern, splits*kvHeads*decodeShares(group), &p, q, k, v, sel, state, table, part)
	mergeParts(r, part, y, heads, d, splits)
}
