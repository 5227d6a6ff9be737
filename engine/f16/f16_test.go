package f16

import (
	"math"
	"testing"
)

// TestAll checks every half against its definition and back.
func TestAll(t *testing.T) {
	for i := 0; i < 1<<16; i++ {
		h := uint16(i)
		exp, frac := int(h>>10)&31, float64(h&0x3ff)
		want := math.Ldexp(frac, -24)
		if exp > 0 {
			want = math.Ldexp(1024+frac, exp-25)
		}
		if exp == 31 {
			want = math.Inf(1)
			if frac != 0 {
				want = math.NaN()
			}
		}
		if h&0x8000 != 0 {
			want = -want
		}
		got := ToFloat32(h)
		if math.IsNaN(want) {
			if got == got || FromFloat32(got)&0x7c00 != 0x7c00 || FromFloat32(got)&0x3ff == 0 {
				t.Fatalf("%#04x: %v, expected NaN both ways", h, got)
			}
			continue
		}
		if float64(got) != want || math.Signbit(float64(got)) != (h&0x8000 != 0) {
			t.Fatalf("%#04x: %v, expected %v", h, got, want)
		}
		if back := FromFloat32(got); back != h {
			t.Fatalf("%v: %#04x, expected %#04x", got, back, h)
		}
	}
}

// TestRound checks ties and the values next to them between all neighbours.
func TestRound(t *testing.T) {
	for h := uint16(0); h < 0x7bff; h++ {
		a, b := float64(ToFloat32(h)), float64(ToFloat32(h+1))
		tie := float32((a + b) / 2)
		even := h + h&1
		below, above := math.Nextafter32(tie, 0), math.Nextafter32(tie, 1e9)
		for _, c := range []struct {
			f    float32
			want uint16
		}{{tie, even}, {below, h}, {above, h + 1}} {
			if got := FromFloat32(c.f); got != c.want {
				t.Fatalf("%v between %#04x and the next: %#04x, expected %#04x", c.f, h, got, c.want)
			}
			if got := FromFloat32(-c.f); got != c.want|0x8000 {
				t.Fatalf("%v: %#04x, expected %#04x", -c.f, got, c.want|0x8000)
			}
		}
	}
	for _, f := range []float32{65520, 1e6, float32(math.Inf(1))} {
		if FromFloat32(f) != 0x7c00 {
			t.Errorf("%v does not become +Inf", f)
		}
	}
	if FromFloat32(65519.9) != 0x7bff {
		t.Error("65519.9 does not round to the largest half")
	}
}
