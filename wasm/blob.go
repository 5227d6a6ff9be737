//go:build js

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall/js"

	"tokenselect/engine/weights"
)

// partsOf are the files of the model called name, and their bytes together: one
// Blob, or those of a split model, of which each has its name.
func partsOf(ctx context.Context, files js.Value, name string) (parts []weights.Part, size int64) {
	parts = make([]weights.Part, files.Length())
	for i := range parts {
		blob, called := files.Index(i), name
		if len(parts) > 1 {
			called = blob.Get("name").String()
		}
		n := int64(blob.Get("size").Float())
		parts[i] = weights.Part{Name: called, R: blobReader{ctx, blob, n}, Size: n, Blob: blob}
		size += n
	}
	return parts, size
}

// blobReader reads a Blob piece by piece: what is not asked for stays where the
// browser has it.
type blobReader struct {
	ctx  context.Context
	blob js.Value
	size int64
}

// ReadAt reads len(b) bytes from offset.
func (r blobReader) ReadAt(b []byte, offset int64) (int, error) {
	const piece = 16 << 20 // what passes through JavaScript's memory at a time
	n := 0
	for n < len(b) && offset < r.size {
		end := min(offset+int64(min(len(b)-n, piece)), r.size)
		buf, err := await(r.ctx, r.blob.Call("slice", offset, end).Call("arrayBuffer"))
		if err != nil {
			return n, fmt.Errorf("bytes %d to %d: %w", offset, end, err)
		}
		got := js.CopyBytesToGo(b[n:], js.Global().Get("Uint8Array").New(buf))
		if got == 0 {
			return n, io.ErrUnexpectedEOF
		}
		n, offset = n+got, offset+int64(got)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// await waits for a promise. When ctx ends first, the promise is left to itself.
func await(ctx context.Context, promise js.Value) (js.Value, error) {
	type result struct {
		value js.Value
		err   error
	}
	came := make(chan result, 1)
	var then, catch js.Func
	done := func(r result) any {
		then.Release()
		catch.Release()
		came <- r
		return nil
	}
	then = js.FuncOf(func(_ js.Value, args []js.Value) any { return done(result{value: args[0]}) })
	catch = js.FuncOf(func(_ js.Value, args []js.Value) any {
		return done(result{err: errors.New(args[0].Call("toString").String())})
	})
	promise.Call("then", then, catch)
	select {
	case r := <-came:
		return r.value, r.err
	case <-ctx.Done():
		return js.Undefined(), ctx.Err()
	}
}
