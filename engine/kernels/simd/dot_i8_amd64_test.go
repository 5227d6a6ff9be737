package simd

import "testing"

// TestDotI8Levels: both widths of registers give the same bits.
func TestDotI8Levels(t *testing.T) {
	if !vector512 {
		t.Skip("skipped: no AVX-512 here, or TOKENSELECT_SIMD asks for less")
	}
	for _, c := range dotI8Cases() {
		wide, narrow := c.run(t), []float32(nil)
		vector512 = false
		narrow = c.run(t)
		vector512 = true
		for i := range wide {
			if wide[i] != narrow[i] {
				t.Fatalf("%+v: score %d is %v in wide registers, %v in narrow ones", c, i, wide[i], narrow[i])
			}
		}
	}
}
