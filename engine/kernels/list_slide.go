package kernels

import (
	"fmt"

	"tokenselect/engine/gpu"
)

// ListSlideParams are those of list_slide.
type ListSlideParams struct {
	Lists     uint32
	SelStride uint32 // rows from list to list
	NSelect   uint32 // 0: chosen says
	Hi        uint32 // first row of the local window
}

var listSlideKernel single

func listSlide() *gpu.Kernel {
	return listSlideKernel.get(func() *gpu.Kernel {
		return &gpu.Kernel{
			Name:     "list_slide",
			Bindings: []gpu.Binding{in("chosen"), out("state"), out("counts"), out("sel")},
			Params:   sizeOf[ListSlideParams](),
			WGSL:     wgsl("list_slide", nil),
			Items:    func(c *gpu.Call) int { return int(params[ListSlideParams](c).Lists) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[ListSlideParams](c)
				state := view[uint32](c, 1)
				for l := lo; l < hi; l++ {
					count, slid := p.NSelect, uint32(0)
					if count == 0 {
						count = view[uint32](c, 0)[l]
					}
					if isHit(c, 1) {
						slid = p.Hi - state[stateSeen]
					}
					for j := range slid {
						view[uint32](c, 3)[uint32(l)*p.SelStride+count+j] = state[stateSeen] + j
					}
					view[uint32](c, 2)[l] = count + slid
					if p.Lists == 1 {
						state[stateMid] = count + slid
					}
				}
			},
		}
	})
}

// ListSlide records counts [lists] = the rows of each list in sel, [lists][selStride]:
// k, or where k is 0 as many as chosen, [lists], says. After a hit of the Selection
// Cache the rows that have left the local window, which begins at row hi, since the
// anchor are appended to each list, slide of them at most. With one list the state's
// own count, which SelectionCache has made of k, becomes counts'. One workgroup a
// list.
func ListSlide(r *gpu.Recording, chosen, state, counts, sel gpu.Range, lists, selStride, k, slide, hi int) {
	if selStride < k+slide {
		r.Fail(fmt.Errorf("kernels: list_slide: %d words from list to list, expected at least %d", selStride, k+slide))
		return
	}
	if k == 0 {
		need(r, listSlide(), 0, chosen, lists)
	}
	need(r, listSlide(), 1, state, stateWords)
	need(r, listSlide(), 2, counts, lists)
	need(r, listSlide(), 3, sel, (lists-1)*selStride+k+slide)
	gpu.Dispatch(r, listSlide(), lists, &ListSlideParams{uint32(lists), uint32(selStride), uint32(k), uint32(hi)}, chosen, state, counts, sel)
}
