//go:build !lean

package kernels

import (
	"fmt"
	"slices"

	"tokenselect/engine/gpu"
)

// TopListsParams are those of top_lists.
type TopListsParams struct {
	Lists   uint32
	Pages   uint32
	NSelect uint32 // pages, of a list
	Page    uint32 // rows of a page
	Lo      uint32
	Hi      uint32
	Stride  uint32 // words from list to list of sel
}

var topListsKernel single

func topLists() *gpu.Kernel {
	return topListsKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "top_lists",
			Bindings: []gpu.Binding{in("score"), out("sel"), out("counts")},
			Params:   sizeOf[TopListsParams](),
			WGSL:     wgsl("top_lists", nil),
			Items:    func(c *gpu.Call) int { return int(params[TopListsParams](c).Lists) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[TopListsParams](c)
				pages := Pages{int(p.Lo), int(p.Hi), int(p.Page)}
				n, most := int(p.Pages), int(min(p.NSelect, p.Pages))
				keys := make([]uint32, n)
				for list := lo; list < hi; list++ {
					score, sel := view[float32](c, 0)[list*n:][:n], view[uint32](c, 1)[list*int(p.Stride):]
					for i, s := range score {
						keys[i] = sortKey(s)
					}
					sorted := slices.Clone(keys)
					slices.Sort(sorted)
					border := sorted[n-most]
					above, _ := slices.BinarySearch(sorted, border+1) // the largest key is less than the largest u32
					equal, count := most-(n-above), 0
					for page, key := range keys {
						take := key > border
						if key == border && equal > 0 {
							take = true
							equal--
						}
						if take {
							start, end := pages.rows(page)
							for row := start; row < end; row++ {
								sel[count] = uint32(row)
								count++
							}
						}
					}
					view[uint32](c, 2)[list] = uint32(count)
				}
			},
		}
	})
}

// TopLists records, for each of lists, the rows of the nSelect pages with the
// largest scores, or of all if there are no more: equal scores go to the lower
// page, NaN is the least, rows are in order. score is [lists][p.Len()]; sel is
// u32 [lists][stride] and counts u32 [lists], the rows of a list. One workgroup a
// list.
func TopLists(r *gpu.Recording, score, sel, counts gpu.Range, lists, nSelect, stride int, p Pages) {
	if err := p.check(); err != nil || lists < 1 || nSelect < 1 {
		r.Fail(fmt.Errorf("kernels: top_lists: %d pages for %d lists, expected at least 1 (%v)", nSelect, lists, err))
		return
	}
	rows := min(nSelect*p.Page, p.Hi-p.Lo)
	if lists > 1 && stride < rows {
		r.Fail(fmt.Errorf("kernels: top_lists: lists of %d rows, %d words apart", rows, stride))
		return
	}
	need(r, topLists(), 0, score, lists*p.Len())
	need(r, topLists(), 1, sel, (lists-1)*stride+rows)
	need(r, topLists(), 2, counts, lists)
	gpu.Dispatch(r, topLists(), lists, &TopListsParams{uint32(lists), uint32(p.Len()), uint32(nSelect), uint32(p.Page), uint32(p.Lo), uint32(p.Hi), uint32(stride)}, score, sel, counts)
}
