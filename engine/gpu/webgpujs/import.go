//go:build js

package webgpujs

import (
	"context"
	"errors"
	"fmt"
	"syscall/js"
	"unsafe"

	"tokenselect/engine/gpu"
)

var _ gpu.Importer = (*Device)(nil)

// Import fills a part of b from a Blob, File, ArrayBuffer or typed array of
// JavaScript, given as a js.Value. JavaScript holds some 16 MiB of it at a time.
func (d *Device) Import(ctx context.Context, b *gpu.Buffer, from gpu.Import) error {
	if err := from.Validate(b); err != nil {
		return err
	}
	h, err := d.part("import into", b, 0, 0)
	if err != nil {
		return err
	}
	v, ok := from.Blob.(js.Value)
	if !ok || v.Type() != js.TypeObject {
		return fmt.Errorf("webgpujs: import into %s: from a %T, expected an object of JavaScript", b.Label, from.Blob)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Writes that wait are older than the import.
	if err := d.hand(); err != nil {
		return wrap(err, "import into %s", b.Label)
	}
	parts := make([]uint32, 0, 4*len(from.Parts))
	for _, p := range from.Parts {
		parts = append(parts, uint32(p.Skip), uint32(p.Take), uint32(p.Offset/4), uint32(p.Check))
	}
	order := 0
	if from.Order != nil {
		order = placeOf(from.Order)
	}
	err = d.call(ctx, d.host.importRows, h.id, v, from.At, from.Rows, from.RowBytes, order, from.Block, placeOf(parts), len(from.Parts))
	var bad *valueTrouble
	if errors.As(err, &bad) {
		return &gpu.ValueError{Part: bad.part, Value: bad.value}
	}
	return wrap(err, "import into %s", b.Label)
}

// placeOf is where in WebAssembly's memory words begin.
func placeOf(words []uint32) int { return int(uintptr(unsafe.Pointer(unsafe.SliceData(words)))) }
