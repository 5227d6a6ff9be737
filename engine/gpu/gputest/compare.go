package gputest

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Compare says what is wrong with got, which a device computed, when the twins
// have computed want. Both have the same length.
type Compare func(want, got []byte) error

// NMSE compares float32 values by their normalised mean squared error,
// sum((got-want)^2) / sum(want^2), which must not exceed limit. NaN and
// infinities must stand where the twins have them, and Unwritten words where
// they left them.
func NMSE(limit float64) Compare {
	return func(want, got []byte) error {
		var diff, norm, most float64
		worst := 0
		for i := range len(want) / 4 {
			wb, gb := word(want, i), word(got, i)
			w, g := float64(math.Float32frombits(wb)), float64(math.Float32frombits(gb))
			switch {
			case wb == Unwritten || gb == Unwritten:
				if wb != gb {
					return fmt.Errorf("value %d: %#08x (%g), expected %#08x (%g), where %#08x is unwritten", i, gb, g, wb, w, uint32(Unwritten))
				}
			case math.IsNaN(w) || math.IsInf(w, 0) || math.IsNaN(g) || math.IsInf(g, 0):
				if w != g && !(math.IsNaN(w) && math.IsNaN(g)) {
					return fmt.Errorf("value %d: %g, expected %g", i, g, w)
				}
			default:
				d := (g - w) * (g - w)
				if d > most {
					most, worst = d, i
				}
				diff, norm = diff+d, norm+w*w
			}
		}
		if diff > limit*norm {
			return &inexact{diff / norm, fmt.Sprintf("normalised mean squared error %.3g, expected at most %.3g; worst is value %d: %g, expected %g",
				diff/norm, limit, worst, math.Float32frombits(word(got, worst)), math.Float32frombits(word(want, worst)))}
		}
		return nil
	}
}

// inexact is an error of NMSE about numbers that are too far apart.
type inexact struct {
	nmse float64
	text string
}

func (e *inexact) Error() string { return e.text }

// Within compares float32 values one by one: each within limit of the twins',
// relative to the larger magnitude; for outputs of very different magnitudes.
// NaN, infinities and Unwritten as NMSE has them.
func Within(limit float64) Compare {
	return func(want, got []byte) error {
		one := NMSE(limit * limit)
		for i := 0; i < len(want); i += 4 {
			if err := one(want[i:i+4], got[i:i+4]); err != nil {
				return fmt.Errorf("value %d: %g, expected %g", i/4, math.Float32frombits(word(got, i/4)), math.Float32frombits(word(want, i/4)))
			}
		}
		return nil
	}
}

// each compares so many values at a time, such as rows of very different magnitudes.
func each(values int, one Compare) Compare {
	return func(want, got []byte) error {
		for from := 0; from < len(want); from += 4 * values {
			to := min(from+4*values, len(want))
			if err := one(want[from:to], got[from:to]); err != nil {
				return fmt.Errorf("values from %d on: %w", from/4, err)
			}
		}
		return nil
	}
}

// Exact compares word by word.
func Exact(want, got []byte) error {
	for i := range len(want) / 4 {
		if w, g := word(want, i), word(got, i); w != g {
			return fmt.Errorf("word %d: %#08x (%d), expected %#08x (%d)", i, g, g, w, w)
		}
	}
	return nil
}

// Jaccard compares sets of indices, one a word in any order: the size of the
// intersection over that of the union must be at least limit, and no index may
// stand twice. Unwritten words are no members, and must be as many as the
// twins left.
func Jaccard(limit float64) Compare {
	return func(want, got []byte) error {
		w, g := members(want), members(got)
		if len(w) != len(g) {
			return fmt.Errorf("%d indices, expected %d", len(g), len(w))
		}
		both := 0
		for i, v := range g {
			if i > 0 && v == g[i-1] {
				return fmt.Errorf("index %d stands twice", v)
			}
			if _, ok := slices.BinarySearch(w, v); ok {
				both++
			}
		}
		if union := len(w) + len(g) - both; float64(both) < limit*float64(union) {
			return fmt.Errorf("%d of %d indices are right: Jaccard %.4g, expected at least %.4g", both, len(w), float64(both)/float64(union), limit)
		}
		return nil
	}
}

// Part applies c to the words from lo up to hi and expects the others to be
// exact: for buffers that mix integers and floats.
func Part(lo, hi int, c Compare) Compare {
	return func(want, got []byte) error {
		if err := c(want[4*lo:4*hi], got[4*lo:4*hi]); err != nil {
			return fmt.Errorf("from word %d: %w", lo, err)
		}
		if err := Exact(want[:4*lo], got[:4*lo]); err != nil {
			return err
		}
		if err := Exact(want[4*hi:], got[4*hi:]); err != nil {
			return fmt.Errorf("from word %d: %w", hi, err)
		}
		return nil
	}
}

// Scratch accepts whatever is there.
func Scratch(want, got []byte) error { return nil }

func members(b []byte) []uint32 {
	var m []uint32
	for i := range len(b) / 4 {
		if v := word(b, i); v != Unwritten {
			m = append(m, v)
		}
	}
	slices.Sort(m)
	return m
}

func word(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }
