package cpudev

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"

	"tokenselect/engine/gpu"
)

type countParams struct{ N, By uint32 }

// count adds By to each of N words, and checks nothing: a kernel for tests.
var count = &gpu.Kernel{
	Name:     "count",
	Bindings: []gpu.Binding{{Name: "x", Access: gpu.ReadWrite}},
	Params:   8,
	Items:    func(c *gpu.Call) int { return int(binary.LittleEndian.Uint32(c.Params)) },
	Twin: func(c *gpu.Call, lo, hi int) {
		by := binary.LittleEndian.Uint32(c.Params[4:])
		for i := lo; i < hi; i++ {
			w := c.Bufs[0][4*i:]
			binary.LittleEndian.PutUint32(w, binary.LittleEndian.Uint32(w)*3+by)
		}
	},
}

// TestOrder runs long recordings on several crews: every dispatch must see what
// the one before it wrote, and every item must be done once.
func TestOrder(t *testing.T) {
	for _, workers := range []int{1, 2, 3, 8} {
		d := New(Options{Workers: workers})
		b, err := d.NewBuffer("x", 4*1000)
		if err != nil {
			t.Fatal(err)
		}
		var r gpu.Recording
		want := uint32(0)
		for round := range 20 {
			r.Reset()
			for i := range 50 {
				by := uint32(round*50 + i)
				gpu.Dispatch(&r, count, 1, &countParams{1000, by}, gpu.All(b))
				want = want*3 + by
			}
			if err := d.Submit(&r); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, 4000)
		if err := d.Read(context.Background(), b, 0, got); err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			if v := binary.LittleEndian.Uint32(got[4*i:]); v != want {
				t.Fatalf("%d workers: word %d is %d, expected %d", workers, i, v, want)
			}
		}
		d.Free(b)
		if d.Buffers() != 0 {
			t.Errorf("%d buffers left", d.Buffers())
		}
		d.Close()
	}
}

func TestCopyAndErrors(t *testing.T) {
	d := New(Options{})
	defer d.Close()
	a, _ := d.NewBuffer("a", 16)
	b, _ := d.NewBuffer("b", 8)
	if err := d.Write(a, 8, []byte{1, 2, 3, 4, 5, 6, 7, 8}); err != nil {
		t.Fatal(err)
	}
	var r gpu.Recording
	r.Copy(b, 4, a, 8, 4)
	if err := d.Submit(&r); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 8)
	if err := d.Read(context.Background(), b, 0, got); err != nil || string(got) != "\x00\x00\x00\x00\x01\x02\x03\x04" {
		t.Fatalf("copied %v, %v", got, err)
	}
	for name, err := range map[string]error{
		"size 0":     second(d.NewBuffer("z", 0)),
		"size 3":     second(d.NewBuffer("z", 3)),
		"write past": d.Write(b, 8, []byte{0, 0, 0, 0}),
		"read past":  d.Read(context.Background(), b, -4, got),
		"odd offset": d.Write(b, 2, []byte{0, 0, 0, 0}),
		"bad copy":   submit(d, func(r *gpu.Recording) { r.Copy(b, 0, a, 0, 12) }),
		"within one": submit(d, func(r *gpu.Recording) { r.Copy(a, 0, a, 8, 8) }),
		"bindings":   submit(d, func(r *gpu.Recording) { gpu.Dispatch(r, count, 1, &countParams{}) }),
		"params":     submit(d, func(r *gpu.Recording) { v := uint32(1); gpu.Dispatch(r, count, 1, &v, gpu.All(a)) }),
		"unaligned": submit(d, func(r *gpu.Recording) {
			gpu.Dispatch(r, count, 1, &countParams{}, gpu.Range{Buffer: a, Offset: 4, Size: 4})
		}),
		"past buffer": submit(d, func(r *gpu.Recording) { gpu.Dispatch(r, count, 1, &countParams{}, gpu.Range{Buffer: a, Size: 20}) }),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, ok := available(); ok {
		if _, err := d.NewBuffer("all there is", 1<<50); !errors.Is(err, gpu.ErrOutOfMemory) {
			t.Errorf("a petabyte: %v", err)
		}
	}
	d.Free(b)
	if err := d.Write(b, 0, got); err == nil {
		t.Error("write to a freed buffer: no error")
	}
}

func second(_ *gpu.Buffer, err error) error { return err }

func submit(d *Device, record func(*gpu.Recording)) error {
	var r gpu.Recording
	record(&r)
	return d.Submit(&r)
}

// TestItems checks that a crew hands out every item exactly once.
func TestItems(t *testing.T) {
	for _, members := range []int{1, 2, 5} {
		c := newCrew(members)
		for _, items := range []int{0, 1, 2, 7, 64, 1001} {
			done := make([]atomic.Int32, items)
			c.run(3, func(i int) (int, func(lo, hi int)) {
				return items, func(lo, hi int) {
					for j := lo; j < hi; j++ {
						done[j].Add(1)
					}
				}
			})
			for j := range done {
				if n := done[j].Load(); n != 3 {
					t.Fatalf("%d members, %d items: item %d done %d times in 3 jobs", members, items, j, n)
				}
			}
		}
		c.close()
	}
}
