//go:build !js && cgo

package wgpunative_test

import (
	"runtime"
	"sync"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
)

func TestAdd(t *testing.T) {
	d := gputest.WGPU(t)
	const n = 1000
	x, y := newBuffer(t, d, "x", 4*n), newBuffer(t, d, "y", 4*n+8)
	write(t, d, x, 0, ramp(n))
	var r gpu.Recording
	gpu.Dispatch(&r, add, (n+63)/64, &addParams{n, 7, 0}, gpu.All(x), gpu.All(y))
	submit(t, d, &r)
	for i, v := range read(t, d, y, 0, n+2) {
		want := uint32(i + 7)
		if i >= n {
			want = 0 // a new buffer is full of zeros
		}
		if v != want {
			t.Fatalf("y[%d] = %d, expected %d", i, v, want)
		}
	}
}

// TestCopies: copies end passes; what they move must be what the dispatch
// before them wrote, and the dispatch after them must see it.
func TestCopies(t *testing.T) {
	d := gputest.WGPU(t)
	const n = 300
	x, y, z := newBuffer(t, d, "x", 4*n), newBuffer(t, d, "y", 4*n), newBuffer(t, d, "z", 4*n)
	write(t, d, x, 0, ramp(n))
	var r gpu.Recording
	for i := range 10 {
		gpu.Dispatch(&r, add, (n+63)/64, &addParams{n, uint32(i), 0}, gpu.All(x), gpu.All(y))
		r.Copy(z, 0, y, 0, 4*n)
		r.Copy(x, 4, z, 4, 4*n-8) // the first and the last word stay
	}
	submit(t, d, &r)
	for i, v := range read(t, d, x, 0, n) {
		want := uint32(i)
		if i > 0 && i < n-1 {
			want += 45
		}
		if v != want {
			t.Fatalf("x[%d] = %d, expected %d", i, v, want)
		}
	}
}

// TestManyGroups: 70000 workgroups are two rows of a grid.
func TestManyGroups(t *testing.T) {
	d := gputest.WGPU(t)
	const groups = 70001
	n := 64 * groups
	x, y := newBuffer(t, d, "x", 4*n), newBuffer(t, d, "y", 4*n)
	write(t, d, x, 0, ramp(n))
	var r gpu.Recording
	p := addParams{N: uint32(n), Plus: 3}
	gpu.Dispatch(&r, add, groups, &p, gpu.All(x), gpu.All(y))
	p.Width = r.Commands()[0].Groups[0]
	r.Reset()
	gpu.Dispatch(&r, add, groups, &p, gpu.All(x), gpu.All(y))
	submit(t, d, &r)
	for i, v := range read(t, d, y, 0, n) {
		if v != uint32(i+3) {
			t.Fatalf("y[%d] = %d, expected %d", i, v, i+3)
		}
	}
}

// TestParams: each of 600 dispatches must get its own params, in order, in
// several submits that follow each other without a read, the later ones with
// fewer and with more params than the ones that may still be waiting.
func TestParams(t *testing.T) {
	d := gputest.WGPU(t)
	y := newBuffer(t, d, "y", 4)
	want := uint32(0)
	value := uint32(0)
	var r gpu.Recording
	for _, n := range []int{600, 3, 1200, 1, 600} {
		r.Reset()
		for range n {
			value++
			gpu.Dispatch(&r, bump, 1, &value, gpu.All(y))
			want = 31*want + value
		}
		submit(t, d, &r)
	}
	if got := read(t, d, y, 0, 1)[0]; got != want {
		t.Errorf("got %d, expected %d", got, want)
	}
}

// TestNoParams: a kernel without params beside one with them.
func TestNoParams(t *testing.T) {
	d := gputest.WGPU(t)
	y := newBuffer(t, d, "y", 4)
	var r gpu.Recording
	one := uint32(1)
	gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	gpu.Dispatch(&r, count, 5, &struct{}{}, gpu.All(y))
	gpu.Dispatch(&r, bump, 1, &one, gpu.All(y))
	submit(t, d, &r)
	if got := read(t, d, y, 0, 1)[0]; got != 31*6+1 {
		t.Errorf("got %d, expected %d", got, 31*6+1)
	}
}

// TestRange: a kernel sees and writes nothing but what is bound.
func TestRange(t *testing.T) {
	d := gputest.WGPU(t)
	const n = 256
	x, y := newBuffer(t, d, "x", 4*n), newBuffer(t, d, "y", 4*n)
	write(t, d, x, 0, ramp(n))
	write(t, d, y, 0, ramp(n))
	var r gpu.Recording
	// N says more than is bound; WebGPU keeps what is beyond out of reach.
	gpu.Dispatch(&r, add, 4, &addParams{60, 1000, 0}, gpu.Range{Buffer: x, Offset: 512, Size: 512}, gpu.Range{Buffer: y, Offset: 256, Size: 256})
	submit(t, d, &r)
	for i, v := range read(t, d, y, 0, n) {
		want := uint32(i)
		if i >= 64 && i < 124 {
			want = uint32(i + 64 + 1000)
		}
		if v != want {
			t.Fatalf("y[%d] = %d, expected %d", i, v, want)
		}
	}
}

// TestCollections reads while other goroutines allocate and force collections:
// no callback of the driver may depend on memory that they free. A copy before
// each read keeps the driver busy, so that collections fall into the wait.
func TestCollections(t *testing.T) {
	d := gputest.WGPU(t)
	const bulk = 8 << 20
	y, from, to := newBuffer(t, d, "y", 4), newBuffer(t, d, "from", bulk), newBuffer(t, d, "to", bulk)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var keep [64]*uint64
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				keep[n%64] = new(^uint64(0))
				if n%5000 == 0 {
					runtime.GC()
				}
			}
		})
	}
	defer wg.Wait()
	defer close(stop)
	want := uint32(0)
	var r gpu.Recording
	for value := range uint32(300) {
		r.Reset()
		gpu.Dispatch(&r, bump, 1, &value, gpu.All(y))
		want = 31*want + value
		r.Copy(to, 0, from, 0, bulk)
		submit(t, d, &r)
		if got := read(t, d, y, 0, 1)[0]; got != want {
			t.Fatalf("read %d: got %d, expected %d", value, got, want)
		}
	}
}

func TestBegunReads(t *testing.T) { gputest.BegunReads(t, gputest.WGPU(t)) }
