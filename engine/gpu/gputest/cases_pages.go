package gputest

import (
	"fmt"
	"math/rand/v2"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

func init() { register(pagesCases) }

func pageBoundsCase(t kernels.CacheType, kvHeads, d, first int, p kernels.Pages) Case {
	name := fmt.Sprintf("page_bounds_%v/%d key heads of %d, pages of %d from row %d to %d, from the %dth on", t, kvHeads, d, p.Page, p.Lo, p.Hi, first)
	return Case{name, func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{In("k", cacheData(rng, t, p.Hi*kvHeads*d)), Out("bounds", 2*p.Len()*kvHeads*d, Exact)},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.PageBounds(r, t, b[0], b[1], kvHeads, d, first, p)
			},
		}
	}}
}

func pageScoresCase(kvHeads, group, d, pages int) Case {
	heads := kvHeads * group
	name := fmt.Sprintf("page_scores/%d heads on %d of %d, %d pages", heads, kvHeads, d, pages)
	return Case{name, func(rng *rand.Rand) Plan {
		return Plan{
			Buffers: []Buffer{
				In("q", Normal(rng, heads*d, 1)), In("bounds", Normal(rng, 2*pages*kvHeads*d, 1)),
				Out("score", heads*pages, sums("page_scores", float64(d))),
			},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.PageScores(r, b[0], b[1], b[2], heads, kvHeads, d, pages)
			},
		}
	}}
}

// topListsCase has pages, the last short of missing rows, and gap words between
// lists.
func topListsCase(s pattern, lists, pages, k, page, lo, gap int) Case {
	missing := 0
	if page > 1 {
		missing = gap % page
	}
	name := fmt.Sprintf("top_lists/%s scores, %d of %d pages of %d from row %d, the last without %d, %d lists with %d words between", s.name, k, pages, page, lo, missing, lists, gap)
	return Case{name, func(rng *rand.Rand) Plan {
		v := make([]float32, lists*pages)
		for i := range v {
			v[i] = s.make(rng, i%pages)
		}
		p := kernels.Pages{Lo: lo, Hi: lo + pages*page - missing, Page: page}
		stride := min(k, pages)*page + gap
		return Plan{
			Buffers: []Buffer{In("score", Floats(v...)), Out("sel", lists*stride, Exact), Out("counts", lists, Exact)},
			Record: func(r *gpu.Recording, b []gpu.Range) {
				kernels.TopLists(r, b[0], b[1], b[2], lists, k, stride, p)
			},
		}
	}}
}

func pagesCases() (cases []Case) {
	bothCaches(func(t kernels.CacheType) {
		for _, d := range []int{8, 64, 80, 128} {
			cases = append(cases,
				pageBoundsCase(t, 2, d, 0, kernels.Pages{Lo: 4, Hi: 150, Page: 16}),
				pageBoundsCase(t, 1, d, 3, kernels.Pages{Lo: 0, Hi: 65, Page: 16}), // the last has one row
				pageBoundsCase(t, 3, d, 2, kernels.Pages{Lo: 7, Hi: 17, Page: 1}))
		}
	})
	for _, d := range []int{8, 64, 80, 128} {
		for _, pages := range []int{1, 63, 130} {
			cases = append(cases, pageScoresCase(2, 3, d, pages))
		}
	}
	for _, s := range votes {
		for _, n := range []int{1, 2, 255, 257, 3000} {
			for _, k := range []int{1, 17, max(n, 18)} {
				cases = append(cases, topListsCase(s, 3, n, k, 1, 5, 2))
			}
		}
	}
	for _, page := range []int{2, 16, 128} {
		cases = append(cases,
			topListsCase(votes[0], 2, 700, 20, page, 16, 0),
			topListsCase(votes[7], 4, 700, 20, page, 0, 1), // rising: the last page is taken
			topListsCase(votes[1], 1, 30, 50, page, 3, 1))  // more than there are
	}
	return cases
}

func (d draw) pageBounds(t kernels.CacheType) Case {
	p := kernels.Pages{Lo: d.upTo(100), Page: d.size(40)}
	p.Hi = p.Lo + d.size(600)
	return pageBoundsCase(t, 1+d.IntN(4), d.head(), d.IntN(p.Len()), p)
}
