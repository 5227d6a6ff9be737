package kvcache_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
	"tokenselect/engine/kvcache"
)

var shape = kvcache.Shape{Layers: 3, KVHeads: 2, HeadDim: 4}

// TestIndex: the index grows with its rows, its memory counts, and it is freed.
func TestIndex(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	for _, s := range []struct {
		index      kernels.IndexType
		keys, rows int // bytes of a row, and of its scales
	}{{kernels.IndexI8, 2 * 64, 2 * 4}, {kernels.IndexI4, 2 * 32, 2 * 2 * 2}} {
		shape := kvcache.Shape{Layers: 2, KVHeads: 2, HeadDim: 64, Index: s.index}
		c, err := kvcache.New(dev, shape, 3000)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Reserve(1000); err != nil {
			t.Fatal(err)
		}
		want := map[int][2][]byte{}
		for l := range shape.Layers {
			x := c.Index(l)
			if x.Type != s.index || x.Keys.Size != 1024*s.keys || x.Scale.Size != 1024*s.rows {
				t.Fatalf("%v: index %+v", s.index, x)
			}
			keys, scale := bytes.Repeat([]byte{byte(l + 1), 2, 3, 4}, 1000*s.keys/4), bytes.Repeat([]byte{5, 6, byte(l + 7), 8}, 1000*s.rows/4)
			want[l] = [2][]byte{keys, scale}
			if err := errors.Join(dev.Write(x.Keys.Buffer, 0, keys), dev.Write(x.Scale.Buffer, 0, scale)); err != nil {
				t.Fatal(err)
			}
		}
		c.Append(1000)
		if err := c.Reserve(3000); err != nil {
			t.Fatal(err)
		}
		for l := range shape.Layers {
			x := c.Index(l)
			for i, r := range []gpu.Range{x.Keys, x.Scale} {
				got := make([]byte, len(want[l][i]))
				if err := dev.Read(context.Background(), r.Buffer, 0, got); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want[l][i]) {
					t.Errorf("%v: layer %d: %s are lost in growing", s.index, l, r.Buffer.Label)
				}
			}
		}
		if want := int64(3000 * 2 * (2*2*128 + s.keys + s.rows)); c.Bytes() != want {
			t.Errorf("%v: %d bytes, expected %d", s.index, c.Bytes(), want)
		}
		c.Close()
	}
	if n := dev.Buffers(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
	_, err := kvcache.New(dev, kvcache.Shape{Layers: 1, KVHeads: 1, HeadDim: 96, Index: kernels.IndexI4}, 10)
	if err == nil || !strings.Contains(err.Error(), "heads of size 96") {
		t.Errorf("an int4 index of heads of 96: %v", err)
	}
}

// likeGPU is a device that says it is a GPU.
type likeGPU struct{ gpu.Device }

func (d likeGPU) Info() gpu.Info {
	i := d.Device.Info()
	i.Kind = gpu.Discrete
	return i
}

// TestIndexTiles: on a GPU the rows of an index stand together in tiles, of which
// a layer has whole ones, and growing keeps the tile that is not full yet.
func TestIndexTiles(t *testing.T) {
	cpu := cpudev.New(cpudev.Options{})
	defer cpu.Close()
	shape := kvcache.Shape{Layers: 1, KVHeads: 2, HeadDim: 64, Index: kernels.IndexI8}
	c, err := kvcache.New(likeGPU{cpu}, shape, 1100)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Reserve(1000); err != nil {
		t.Fatal(err)
	}
	x := c.Index(0)
	if x.Tile != 32 || x.Rows(1001) != 1024 {
		t.Fatalf("tiles of %d, %d rows for 1001", x.Tile, x.Rows(1001))
	}
	// Row 1000 is the ninth of its tile, whose first vectors stand before the others.
	at, vector := 1000/32*32*2*64+8*16+3*32*16, bytes.Repeat([]byte{1, 2, 3, 4}, 4)
	if err := cpu.Write(x.Keys.Buffer, at, vector); err != nil {
		t.Fatal(err)
	}
	c.Append(1001)
	if err := c.Reserve(1100); err != nil {
		t.Fatal(err)
	}
	x = c.Index(0)
	if want := 1120 * 2 * 64; x.Keys.Size != want {
		t.Errorf("keys of %d bytes, expected %d", x.Keys.Size, want)
	}
	got := make([]byte, len(vector))
	if err := cpu.Read(context.Background(), x.Keys.Buffer, at, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, vector) {
		t.Error("the last row of the index is lost in growing")
	}
}

// TestGrow fills the first rows with their own numbers and checks that growing
// keeps them, that it goes in steps, and that nothing leaks.
func TestGrow(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	c, err := kvcache.New(dev, shape, 5000)
	if err != nil {
		t.Fatal(err)
	}
	growths, last := 0, 0
	for rows := 1; rows <= 5000; rows++ {
		if err := c.Reserve(rows); err != nil {
			t.Fatal(err)
		}
		if c.Cap() != last {
			growths, last = growths+1, c.Cap()
		}
		for l := range shape.Layers {
			k, v, _ := c.Layer(l)
			row := make([]byte, 16)
			for i := range row {
				row[i] = byte(rows + l)
			}
			if err := errors.Join(dev.Write(k.Buffer, 16*(rows-1), row), dev.Write(v.Buffer, 16*(rows-1), row)); err != nil {
				t.Fatal(err)
			}
		}
		c.Append(1)
	}
	if growths != 4 || c.Cap() != 5000 { // 1024, 2048, 4096, 5000
		t.Errorf("%d growths to %d rows, expected 4 to 5000", growths, c.Cap())
	}
	if want := int64(5000 * 3 * 2 * 16); c.Bytes() != want || shape.Bytes(5000) != want {
		t.Errorf("%d bytes, expected %d", c.Bytes(), want)
	}
	for l := range shape.Layers {
		k, v, _ := c.Layer(l)
		for _, b := range []*gpu.Buffer{k.Buffer, v.Buffer} {
			got := make([]byte, b.Size)
			if err := dev.Read(context.Background(), b, 0, got); err != nil {
				t.Fatal(err)
			}
			for i, g := range got {
				if g != byte(i/16+1+l) {
					t.Fatalf("%s: byte %d is %d, expected %d", b.Label, i, g, byte(i/16+1+l))
				}
			}
		}
	}
	c.Close()
	if dev.Buffers() != 0 {
		t.Errorf("%d buffers left after Close", dev.Buffers())
	}
}

func TestErrors(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	if _, err := kvcache.New(dev, shape, 0); err == nil {
		t.Error("a context of 0 tokens: no error")
	}
	if _, err := kvcache.New(small{dev}, shape, 65); !errors.Is(err, gpu.ErrLimit) {
		t.Errorf("65 rows of 16 bytes on a device that binds 1024: %v, expected ErrLimit", err)
	}
	c, err := kvcache.New(dev, shape, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Reserve(2001); !errors.Is(err, kvcache.ErrFull) {
		t.Errorf("2001 tokens: %v, expected ErrFull", err)
	}
	if err := c.Reserve(1500); err != nil {
		t.Fatal(err)
	}
	c.Append(1500)
	c.Truncate(100)
	if c.Len() != 100 || c.Cap() != 2000 {
		t.Errorf("after Truncate(100): %d of %d rows", c.Len(), c.Cap())
	}
	c.Close()
}

// TestOutOfMemory lets the third buffer of a growth fail: the rows must stay,
// the memory of the failed step must be given back, and a later growth works.
func TestOutOfMemory(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	failing := &failAt{Device: dev}
	c, err := kvcache.New(failing, shape, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Reserve(10); err != nil {
		t.Fatal(err)
	}
	c.Append(10)
	k, _, _ := c.Layer(1)
	if err := dev.Write(k.Buffer, 0, []byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		failing.left = n
		before := dev.Buffers()
		if err := c.Reserve(2000); !errors.Is(err, gpu.ErrOutOfMemory) {
			t.Fatalf("failure at buffer %d: %v, expected ErrOutOfMemory", n, err)
		}
		if dev.Buffers() != before || c.Cap() != 1024 || c.Len() != 10 {
			t.Errorf("failure at buffer %d: %d buffers (%d before), %d of %d rows", n, dev.Buffers(), before, c.Len(), c.Cap())
		}
	}
	failing.left = 0
	if err := c.Reserve(2000); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	k, _, _ = c.Layer(1)
	if err := dev.Read(context.Background(), k.Buffer, 0, got); err != nil || string(got) != "\x01\x02\x03\x04" {
		t.Errorf("row 0 of layer 1 is %v after the failures, %v", got, err)
	}
	c.Close()
	if dev.Buffers() != 0 {
		t.Errorf("%d buffers left after Close", dev.Buffers())
	}
}

// small is a device that binds 1024 bytes.
type small struct{ *cpudev.Device }

func (d small) Info() gpu.Info {
	i := d.Device.Info()
	i.Limits.Binding = 1024
	return i
}

// failAt is a device whose left-th NewBuffer from now fails; 0: none does.
type failAt struct {
	*cpudev.Device
	left int
}

func (d *failAt) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if d.left > 0 {
		if d.left--; d.left == 0 {
			return nil, gpu.ErrOutOfMemory
		}
	}
	return d.Device.NewBuffer(label, size)
}
