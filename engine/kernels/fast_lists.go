package kernels

import (
	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels/simd"
)

// fastAttentionLists takes some queries of a head together. A distance is the sum of
// two: of the query from the first of them, and of that from the key; so each key is
// turned back once for all, and the queries once for all keys. Where keys from a
// window on stand elsewhere, there are two such products, and of each pair that
// counts on whose side it is.
func fastAttentionLists(ct CacheType, d int) func(c *gpu.Call, lo, hi int) {
	return func(c *gpu.Call, lo, hi int) {
		p := params[AttentionListsParams](c)
		q, k, v := view[float32](c, 0), ct.view(c, 1), ct.view(c, 2)
		table, y := view[float32](c, 5), view[float32](c, 6)
		heads, kvHeads, window, group := int(p.Heads), int(p.KVHeads), int(p.Window), int(p.Group)
		place := Place(p.Place)
		parted := place == PlaceClipped || place == PlaceGrouped
		work, more := scratches.Get().(*scratch), scratches.Get().(*scratch)
		defer scratches.Put(work)
		defer scratches.Put(more)
		b := more.take(2*chunkQueries*d + tileKeys*(d+chunkQueries) + d)
		cut := func(n int) []float32 { c := b[:n:n]; b = b[n:]; return c }
		near, far, farKeys, farScores, key := cut(chunkQueries*d), cut(chunkQueries*d), cut(tileKeys*d), cut(chunkQueries*tileKeys), cut(d)
		var rows [tileKeys]int
		for i := lo; i < hi; i++ {
			h, j0 := i%heads, i/heads*chunkQueries
			if parted && window < chunkQueries { // the table may not have the queries' distances
				for j := j0; j < min(j0+chunkQueries, int(p.C)); j++ {
					attendList(c, ct, d, j, h)
				}
				continue
			}
			kv, l := h/(heads/kvHeads), p.listOf(c, h)
			queries := min(chunkQueries, int(p.C)-j0)
			first, row0 := l.length-int(p.C)+j0, int(p.N-p.C)+j0 // entry and row of the first query
			for r := range queries {
				head := q[(j0+r)*int(p.QStride)+h*d:][:d]
				rotate(near[r*d:][:d], head, table[r*d:][:d])
				switch place {
				case PlaceClipped:
					rotate(far[r*d:][:d], head, table[min(window, len(table)/d-1)*d:][:d])
				case PlaceGrouped:
					if row0+r >= window {
						rotate(far[r*d:][:d], head, table[((row0+r)/group-row0/group+window-window/group)*d:][:d])
					}
				}
			}
			t := newTile(work, queries, d)
			direct := t.direct(v)
			for at := 0; at < first+queries; at += tileKeys {
				n, anyNear, anyFar := min(tileKeys, first+queries-at), false, false
				for e := range n {
					row := l.row(at + e)
					rows[e], t.at[e] = row, (row*kvHeads+kv)*d
					if !direct {
						v.load(t.values[e*d:][:d], t.at[e])
					}
					k.load(key, t.at[e])
					behind := row0 - row
					if place == PlaceContiguous {
						behind = first - at - e
					}
					if !parted || behind < window {
						turnBack(t.keys[e*d:][:d], key, table, behind)
						anyNear = true
					}
					if parted && behind+queries > window {
						if place == PlaceClipped {
							copy(farKeys[e*d:], key)
						} else {
							turnBack(farKeys[e*d:][:d], key, table, row0/group-row/group)
						}
						anyFar = true
					}
				}
				if anyNear {
					simd.MatMulF32(t.s, tileKeys, near, d, queries, t.keys[:n*d], n, d)
				}
				if anyFar {
					simd.MatMulF32(farScores, tileKeys, far, d, queries, farKeys[:n*d], n, d)
				}
				for r := range queries {
					if anyFar {
						for e, row := range rows[:n] {
							if row0+r-row >= window {
								t.s[r*tileKeys+e] = farScores[r*tileKeys+e]
							}
						}
					}
					if seen := min(n, first+r+1-at); seen > 0 {
						t.add(r, 0, seen)
					} else {
						clear(t.s[r*tileKeys:][:tileKeys])
					}
				}
				t.accumulate(n, v)
			}
			for r := range queries {
				o := y[((j0+r)*heads+h)*d:][:d]
				copy(o, t.o[r*d:][:d])
				simd.Scale(o, 1/t.sum[r])
			}
		}
	}
}

// turnBack turns a head back by positions of a RopeTable, or forth by as many less
// than none.
func turnBack(y, x, table []float32, positions int) {
	if positions < 0 {
		rotate(y, x, table[-positions*len(x):][:len(x)])
		return
	}
	half, angles := len(x)/2, table[positions*len(x):][:len(x)]
	for i := range half {
		cos, sin, a, b := angles[i], angles[half+i], x[i], x[half+i]
		y[i] = float32(a*cos) + float32(b*sin)
		y[half+i] = float32(b*cos) - float32(a*sin)
	}
}
