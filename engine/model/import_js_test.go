package model

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"syscall/js"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// blobOf is data as a Blob.
func blobOf(data []byte) js.Value {
	array := js.Global().Get("Uint8Array").New(len(data))
	js.CopyBytesToJS(array, data)
	return js.Global().Get("Blob").New([]any{array})
}

// contents reads all buffers of a model.
func contents(t *testing.T, m *Model) [][]byte {
	t.Helper()
	var all [][]byte
	for _, b := range m.buffers {
		data := make([]byte, b.Size)
		if err := m.dev.Read(context.Background(), b, 0, data); err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

// TestImport: the built-in model, fetched by the device from a Blob, must be in
// its buffers to the byte what it is when it goes through Go.
func TestImport(t *testing.T) {
	dev := gputest.WGPU(t)
	_, file := web.DefaultModel()
	eager, err := weights.ParseGGUF("eager", file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Load(dev, eager)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()

	blob := blobOf(file)
	lazy, err := weights.OpenGGUF("lazy", bytes.NewReader(file), int64(len(file)), blob)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	got, err := Load(dev, lazy)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > uint64(len(file))/8 {
		t.Errorf("Go allocated %d bytes to load %d", grown, len(file))
	}
	a, b := contents(t, want), contents(t, got)
	if len(a) != len(b) {
		t.Fatalf("%d buffers, expected %d", len(b), len(a))
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			t.Errorf("buffer %d (%s) of %d bytes differs", i, want.buffers[i].Label, len(a[i]))
		}
	}
}

// TestImportNotFinite: a scale that is no number must be found by whoever sees
// it, which is JavaScript.
func TestImportNotFinite(t *testing.T) {
	dev := gputest.WGPU(t)
	_, built := web.DefaultModel()
	file := bytes.Clone(built)
	m, err := weights.OpenGGUF("bad", bytes.NewReader(file), int64(len(file)), nil)
	if err != nil {
		t.Fatal(err)
	}
	const name = "model.layers.1.mlp.down_proj.weight"
	copy(file[m.Tensors[name].File.At+77*34:], []byte{0, 0x7c})
	m, err = weights.OpenGGUF("bad", bytes.NewReader(file), int64(len(file)), blobOf(file))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load(dev, m)
	if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "scale of block 77 ") {
		t.Errorf("%v, expected block 77 of %s", err, name)
	}
}

// TestImportCut: a Blob that has less than the header says is an error.
func TestImportCut(t *testing.T) {
	dev := gputest.WGPU(t)
	_, file := web.DefaultModel()
	m, err := weights.OpenGGUF("cut", bytes.NewReader(file), int64(len(file)), blobOf(file[:len(file)-1<<20]))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dev, m); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("%v, expected it to say that the file is cut short", err)
	}
}

// TestImportRows: orders, blocks and forms of a source, against the same done in
// Go.
func TestImportRows(t *testing.T) {
	dev := gputest.WGPU(t).(gpu.Importer)
	rng := rand.New(rand.NewPCG(3, 4))
	data := make([]byte, 100+64*340)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	array := js.Global().Get("Uint8Array").New(len(data) + 3)
	js.CopyBytesToJS(array.Call("subarray", 3), data)
	b, err := dev.NewBuffer("rows", 64*340)
	if err != nil {
		t.Fatal(err)
	}
	var order []uint32
	for _, i := range rng.Perm(64) {
		order = append(order, uint32(i))
	}
	for _, source := range []js.Value{array.Call("subarray", 3), array.Call("slice", 3).Get("buffer"), blobOf(data)} {
		for _, o := range [][]uint32{nil, order} {
			for _, c := range []struct{ block, skip, take int }{{34, 2, 32}, {34, 0, 2}, {340, 0, 340}, {17, 3, 4}, {10, 1, 6}} {
				from := gpu.Import{Blob: source, At: 99, Rows: 64, RowBytes: 340, Order: o, Block: c.block, Parts: []gpu.Part{{Skip: c.skip, Take: c.take, Offset: 0}}}
				if err := dev.Import(context.Background(), b, from); err != nil {
					t.Fatal(err)
				}
				var want []byte
				for r := range 64 {
					if o != nil {
						r = int(o[r])
					}
					for at := 99 + 340*r; at < 99+340*(r+1); at += c.block {
						want = append(want, data[at+c.skip:at+c.skip+c.take]...)
					}
				}
				got := make([]byte, len(want))
				if err := dev.Read(context.Background(), b, 0, got); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%+v, ordered: %v: other bytes", c, o != nil)
				}
			}
		}
	}
}

// TestImportCancelled: a load that is given up must not go on behind the back of
// whoever frees the buffer.
func TestImportCancelled(t *testing.T) {
	dev := gputest.WGPU(t).(gpu.Importer)
	b, err := dev.NewBuffer("rows", 40<<20)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go cancel() // runs when the import waits
	blob := blobOf(make([]byte, 40<<20))
	err = dev.Import(ctx, b, gpu.Import{Blob: blob, Rows: 40, RowBytes: 1 << 20, Block: 1 << 20, Parts: []gpu.Part{{Take: 1 << 20}}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, expected it cancelled", err)
	}
	dev.Free(b)
	small, err := dev.NewBuffer("small", 4)
	if err != nil {
		t.Fatal(err)
	}
	word := []byte{1, 2, 3, 4}
	if err := dev.Write(small, 0, word); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if err := dev.Read(context.Background(), small, 0, got); err != nil || !bytes.Equal(got, word) {
		t.Errorf("after it: %v, %v", got, err)
	}
}
