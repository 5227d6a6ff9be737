package gputest

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// BegunReads checks BeginRead on d.
func BegunReads(t *testing.T, d gpu.Device) {
	t.Helper()
	const n = 1000
	ctx := context.Background()
	x, err := d.NewBuffer("x", 4*n)
	if err != nil {
		t.Fatal(err)
	}
	y, err := d.NewBuffer("y", 4*n)
	if err != nil {
		t.Fatal(err)
	}
	ones := make([]byte, 4*n)
	for i := range n {
		binary.LittleEndian.PutUint32(ones[4*i:], math.Float32bits(1))
	}
	if err := d.Write(x, 0, ones); err != nil {
		t.Fatal(err)
	}
	steps := 0
	step := func() {
		t.Helper()
		var r gpu.Recording
		kernels.Add(&r, gpu.All(x), gpu.All(y), n, n)
		if err := d.Submit(&r); err != nil {
			t.Fatal(err)
		}
		steps++
	}
	begin := func(offset, size int) gpu.Pending {
		t.Helper()
		p, err := d.BeginRead(y, offset, size)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	check := func(p gpu.Pending, size, want int) {
		t.Helper()
		got, err := p(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != size {
			t.Fatalf("%d bytes, expected %d", len(got), size)
		}
		for i := range size / 4 {
			if v := math.Float32frombits(binary.LittleEndian.Uint32(got[4*i:])); v != float32(want) {
				t.Fatalf("word %d of a read begun after step %d is %g", i, want, v)
			}
		}
	}
	ended, end := context.WithCancel(ctx)
	end()

	// What is read is what was there when the read was begun, in whatever order
	// they are waited for and whatever has been done meanwhile.
	for range 3 {
		var begun []gpu.Pending
		from := steps
		for i := range 4 {
			step()
			begun = append(begun, begin(400*i, 400))
		}
		step()
		now := make([]byte, 4*n)
		if err := d.Read(ctx, y, 0, now); err != nil {
			t.Fatal(err)
		}
		if v := math.Float32frombits(binary.LittleEndian.Uint32(now[4*n-4:])); v != float32(steps) {
			t.Fatalf("read %g after step %d", v, steps)
		}
		step()
		check(begun[2], 400, from+3)
		check(begun[0], 400, from+1)
		if _, err := begun[3](ended); !errors.Is(err, context.Canceled) {
			t.Fatalf("a read whose context has ended: %v", err)
		}
		step()
		last := begin(4*n-4, 4) // to where what nobody waited for went
		step()
		check(begun[1], 400, from+2)
		check(last, 4, steps-1)
	}

	for _, c := range []struct {
		what         string
		offset, size int
	}{
		{"nothing", 0, 0}, {"too much", 0, gpu.MaxBegun + 4}, {"parts of words", 2, 4}, {"what is behind the end", 4 * n, 4}, {"what is before the beginning", -4, 4},
	} {
		if _, err := d.BeginRead(y, c.offset, c.size); err == nil {
			t.Errorf("a read of %s was begun", c.what)
		}
	}
	open := begin(0, 4)
	d.Free(x)
	d.Free(y)
	if _, err := d.BeginRead(y, 0, 4); err == nil {
		t.Error("a read of a freed buffer was begun")
	}
	check(open, 4, steps) // it was there when that was begun
}
