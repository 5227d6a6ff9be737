package selection_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
)

// like runs the prompts through two policies side by side, and calls same with what
// each made of a step.
func like(t *testing.T, a, b *bed, same func(name string, n, layer int, got, want []float32)) {
	var want [][][]float32
	b.run(func(_ string, _ int, results [][]float32) { want = append(want, results) })
	at := 0
	a.run(func(name string, _ int, results [][]float32) {
		for layer, got := range results {
			same(name, len(a.qkv[0]), layer, got, want[at][layer])
		}
		at++
	})
}

// TestNTKOne: with factor 1 the policy is the dense one, to the bit.
func TestNTKOne(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.NTK)
		cfg.Rivals.Factor = 1
		dense := cfg
		dense.Policy = selection.Dense
		like(t, newBed(t, dev, cfg, shape, 200), newBed(t, dev, dense, shape, 200), func(name string, _, layer int, got, want []float32) {
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%s, layer %d: value %d is %v, dense %v", name, layer, i, got[i], want[i])
				}
			}
		})
	})
}

// TestNTKScales: the policy is the dense one of a model whose base is scaled: by the
// factor, or by what the text asks for, which is at most an eighth more than it needs.
func TestNTKScales(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.NTK)
		dense := cfg
		dense.Policy = selection.Dense
		scaled := func(factor float64) *bed {
			shape := shape
			d := float64(shape.HeadDim)
			shape.InvFreq = frequencies(shape.HeadDim, 1000*math.Pow(factor, d/(d-2)))
			return newBed(t, dev, dense, shape, 200)
		}
		check := func(name string, _, layer int, got, want []float32) {
			for i := range want {
				if d := math.Abs(float64(got[i] - want[i])); !(d < 1e-4) {
					t.Fatalf("%s, layer %d: value %d is %v, of a model with that base %v", name, layer, i, got[i], want[i])
				}
			}
		}
		cfg.Rivals.Factor = 4.5
		like(t, newBed(t, dev, cfg, shape, 200), scaled(4.5), check)

		cfg.Rivals.Factor, cfg.Rivals.Trained = 0, 40
		got := newBed(t, dev, cfg, shape, 200)
		for _, n := range []int{40, 41, 101} {
			length := 40
			for length < n {
				length += (length + 7) / 8
			}
			if length > n+(n+7)/8 && length > 40 {
				t.Fatalf("%d tokens take a factor for %d", n, length)
			}
			want := scaled(float64(length) / 40)
			for at := len(got.qkv[0]); at < n; {
				c := min(cfg.Chunk, n-at)
				got.step(c)
				at += c
			}
			// Both read the same rows, but in other steps: the last alone is compared.
			got.cut(n - 1)
			want.replay(got)
			got.rng, want.rng = rand.New(rand.NewPCG(uint64(n), 1)), rand.New(rand.NewPCG(uint64(n), 1))
			results, wanted := got.step(1), want.step(1)
			for layer := range results {
				check(fmt.Sprintf("%d tokens", n), n, layer, results[layer], wanted[layer])
			}
		}
	})
}

// TestSelfExtendOne: groups of one token are the dense policy, and so is a text that
// fits the trained context.
func TestSelfExtendOne(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.SelfExtend)
		dense := cfg
		dense.Policy = selection.Dense
		for _, c := range []struct{ trained, group int }{{30, 1}, {200, 0}} {
			cfg.Rivals.Trained, cfg.Rivals.Group, cfg.Rivals.Near = c.trained, c.group, 10
			like(t, newBed(t, dev, cfg, shape, 200), newBed(t, dev, dense, shape, 200), func(name string, _, layer int, got, want []float32) {
				for i := range want {
					if d := math.Abs(float64(got[i] - want[i])); !(d < 1e-4) {
						t.Fatalf("%+v: %s, layer %d: value %d is %v, dense %v", c, name, layer, i, got[i], want[i])
					}
				}
			})
		}
	})
}

// TestSelfExtend: the paper's positions, no distance of which leaves the trained
// context.
func TestSelfExtend(t *testing.T) {
	onDevices(t, func(t *testing.T, dev gpu.Device) {
		cfg, shape := rival(selection.SelfExtend)
		cfg.Rivals.Trained, cfg.Rivals.Near = 40, 9
		b, furthest := newBed(t, dev, cfg, shape, 200), 0
		b.run(func(name string, c int, results [][]float32) {
			n := len(b.qkv[0])
			group := 1
			for 9+(n-9+group-1)/group > 40 {
				group++
			}
			for layer := range shape.Layers {
				for _, j := range []int{0, c - 1} {
					row := n - c + j
					for h := range shape.Heads {
						y := b.attention(layer, row, h, upTo(0, row+1), func(at int) int {
							distance := row - at
							if distance >= 9 {
								distance = row/group + 9 - 9/group - at/group
							}
							furthest = max(furthest, distance)
							return distance
						})
						near(t, name, results[layer][(j*shape.Heads+h)*shape.HeadDim:], y)
					}
				}
			}
		})
		if furthest < 35 || furthest > 41 {
			t.Errorf("the furthest key stood %d behind, expected near the trained 40", furthest)
		}
	})
}

// TestShape: a policy that changes angles needs them.
func TestShape(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	cfg, shape := rival(selection.NTK)
	if _, err := selection.New(dev, cfg, shape); err == nil || !strings.Contains(err.Error(), "0 angles for heads of size 16, expected 8") {
		t.Errorf("without angles: %v", err)
	}
}
