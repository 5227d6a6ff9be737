//go:build !lean

package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// Pages are page rows each from row Lo of the cache on; the last ends at row Hi.
type Pages struct {
	Lo, Hi int
	Page   int // rows
}

// Len is the number of pages.
func (p Pages) Len() int { return ceil(p.Hi-p.Lo, p.Page) }

// rows are the first row of a page and the one behind its last.
func (p Pages) rows(page int) (start, end int) {
	start = p.Lo + page*p.Page
	return start, min(start+p.Page, p.Hi)
}

func (p Pages) check() error {
	if p.Page < 1 || p.Lo < 0 || p.Hi <= p.Lo {
		return fmt.Errorf("pages of %d rows from row %d to %d, expected some", p.Page, p.Lo, p.Hi)
	}
	return nil
}

// PageBoundsParams are those of page_bounds.
type PageBoundsParams struct {
	First uint32 // page of the first that is computed
	Pages uint32 // that are computed
	Page  uint32 // rows of a page
	Lo    uint32
	Hi    uint32
	Width uint32 // vectors of four in a row of k
}

var pageBoundsKernels family[CacheType]

func pageBounds(t CacheType) *gpu.Kernel {
	return pageBoundsKernels.get(t, func() *gpu.Kernel {
		name := "page_bounds_" + t.String()
		return &gpu.Kernel{
			Name:     name,
			Bindings: []gpu.Binding{in("k"), out("bounds")},
			Params:   sizeOf[PageBoundsParams](),
			WGSL:     wgsl(name, nil),
			Items:    func(c *gpu.Call) int { return int(params[PageBoundsParams](c).Pages) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[PageBoundsParams](c)
				k, bounds, width := t.view(c, 0), view[float32](c, 1), 4*int(p.Width)
				pages := Pages{int(p.Lo), int(p.Hi), int(p.Page)}
				key := make([]float32, width)
				for page := int(p.First) + lo; page < int(p.First)+hi; page++ {
					least, most := bounds[2*page*width:][:width], bounds[(2*page+1)*width:][:width]
					start, end := pages.rows(page)
					k.read(least, start*width)
					copy(most, least)
					for row := start + 1; row < end; row++ {
						k.read(key, row*width)
						for j, x := range key {
							least[j], most[j] = min(least[j], x), max(most[j], x)
						}
					}
				}
			},
		}
	})
}

// PageBounds records the least and the largest value of each dimension of the
// keys, before RoPE, of pages from first on: bounds is [p.Len()][2][kvHeads*d], the
// least and then the largest (Quest, arXiv 2406.10774, section 3.2). k is a layer's
// keys, [rows][kvHeads][d]. d is a multiple of 4. A workgroup takes 64 times four
// dimensions.
func PageBounds(r *gpu.Recording, t CacheType, k, bounds gpu.Range, kvHeads, d, first int, p Pages) {
	kern, width := pageBounds(t), kvHeads*d
	if err := p.check(); err != nil || width < 4 || width%4 != 0 || first < 0 {
		r.Fail(fmt.Errorf("kernels: %s: %d dimensions, from page %d on: expected a multiple of 4, and a page (%v)", kern.Name, width, first, err))
		return
	}
	need(r, kern, 0, k, t.words(p.Hi*width))
	need(r, kern, 1, bounds, 2*p.Len()*width)
	pages := max(0, p.Len()-first)
	gpu.Dispatch(r, kern, ceil(pages*width/4, 64), &PageBoundsParams{uint32(first), uint32(pages), uint32(p.Page), uint32(p.Lo), uint32(p.Hi), uint32(width / 4)}, k, bounds)
}

// PageScoresParams are those of page_scores.
type PageScoresParams struct {
	Pages   uint32
	Heads   uint32
	KVHeads uint32
	Vecs    uint32 // vectors of four in a head
}

var pageScoresKernel single

func pageScores() *gpu.Kernel {
	return pageScoresKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "page_scores",
			Bindings: []gpu.Binding{in("q"), in("bounds"), out("score")},
			Params:   sizeOf[PageScoresParams](),
			WGSL:     wgsl("page_scores", nil),
			Items:    func(c *gpu.Call) int { return int(params[PageScoresParams](c).Pages) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[PageScoresParams](c)
				q, bounds, score := view[float32](c, 0), view[float32](c, 1), view[float32](c, 2)
				heads, kvHeads, d, pages := int(p.Heads), int(p.KVHeads), 4*int(p.Vecs), int(p.Pages)
				for page := lo; page < hi; page++ {
					for h := range heads {
						kv := h / (heads / kvHeads)
						least := bounds[(2*page*kvHeads+kv)*d:][:d]
						most := bounds[((2*page+1)*kvHeads+kv)*d:][:d]
						var s float32
						for j, x := range q[h*d:][:d] {
							s += max(float32(x*least[j]), float32(x*most[j]))
						}
						score[h*pages+page] = s
					}
				}
			},
		}
	})
}

// PageScores records the bound of each page for each head: the sum over
// dimensions of max(q*least, q*largest), which no key of the page exceeds (Quest,
// algorithm 1). q is [heads][d], bounds PageBounds' of so many pages, score
// [heads][pages]. A workgroup takes 64 pages of one head.
func PageScores(r *gpu.Recording, q, bounds, score gpu.Range, heads, kvHeads, d, pages int) {
	if needHeads(r, "page_scores", heads, kvHeads, d) == 0 {
		return
	}
	need(r, pageScores(), 0, q, heads*d)
	need(r, pageScores(), 1, bounds, 2*pages*kvHeads*d)
	need(r, pageScores(), 2, score, heads*pages)
	gpu.Dispatch(r, pageScores(), ceil(pages, 64)*heads, &PageScoresParams{uint32(pages), uint32(heads), uint32(kvHeads), uint32(d / 4)}, q, bounds, score)
}
