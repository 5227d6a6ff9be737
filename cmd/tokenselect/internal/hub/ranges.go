package hub

import (
	"cmp"
	"slices"
)

// span is the bytes From to To of a file, To not included.
type span struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// ranges are the bytes of a file that are there: in order, apart from each other.
type ranges []span

// add has the bytes of s be there.
func (r *ranges) add(s span) {
	if s.From >= s.To {
		return
	}
	all := append(*r, s)
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.From, b.From) })
	merged := all[:1]
	for _, s := range all[1:] {
		last := &merged[len(merged)-1]
		if s.From > last.To {
			merged = append(merged, s)
		} else {
			last.To = max(last.To, s.To)
		}
	}
	*r = merged
}

// missing are the bytes of s that are not there.
func (r ranges) missing(s span) []span {
	var gaps []span
	for _, have := range r {
		if have.To <= s.From {
			continue
		}
		if have.From >= s.To {
			break
		}
		if have.From > s.From {
			gaps = append(gaps, span{s.From, have.From})
		}
		s.From = have.To
	}
	if s.From < s.To {
		gaps = append(gaps, s)
	}
	return gaps
}

// total is how many bytes are there.
func (r ranges) total() int64 {
	var n int64
	for _, s := range r {
		n += s.To - s.From
	}
	return n
}

// valid tells whether r can be what is there of a file of size bytes.
func (r ranges) valid(size int64) bool {
	end := int64(-1)
	for _, s := range r {
		if s.From <= end || s.To <= s.From || s.To > size {
			return false
		}
		end = s.To
	}
	return true
}
