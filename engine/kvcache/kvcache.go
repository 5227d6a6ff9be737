// Package kvcache keeps the keys and values of a sequence on a device, one row
// a token (pages of size 1), so that any set of past tokens is a list of row
// numbers and never a copy of rows. Keys are stored before RoPE: they are
// rotated when they are read, to the position that a selection gives them.
package kvcache

import (
	"errors"
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// ErrFull is wrapped by the error of a reservation beyond the context that the
// cache was made for.
var ErrFull = errors.New("the context is full")

// Shape is the size of a model's cache.
type Shape struct {
	Layers  int
	KVHeads int
	HeadDim int
	Type    kernels.CacheType
}

// Width is the number of values of a row.
func (s Shape) Width() int { return s.KVHeads * s.HeadDim }

// rowBytes is the size of a row of keys, or of values, of one layer.
func (s Shape) rowBytes() int { return s.Type.Bytes() * s.Width() }

// Bytes is the device memory that tokens rows take in all layers.
func (s Shape) Bytes(tokens int) int64 {
	return int64(tokens) * int64(2*s.Layers*s.rowBytes())
}

// firstStep is the number of rows that a cache starts with; it doubles from
// there, so that a long context costs a handful of growths.
const firstStep = 1024

// Cache is the keys and values of one sequence. It is not safe for concurrent
// use.
type Cache struct {
	shape    Shape
	dev      gpu.Device
	layers   []layer
	n        int // rows in use
	capacity int // rows allocated
	max      int // rows that were asked for
}

type layer struct {
	k, v *gpu.Buffer // [capacity][KVHeads][HeadDim]
}

// New makes an empty cache that can grow to max rows. It takes no memory yet,
// and fails where a layer of max rows exceeds what dev can bind.
func New(dev gpu.Device, shape Shape, max int) (*Cache, error) {
	if max < 1 {
		return nil, fmt.Errorf("kvcache: context of %d tokens, expected at least 1", max)
	}
	if shape.Width()%2 != 0 {
		return nil, fmt.Errorf("kvcache: %d key heads of %d values, expected an even product", shape.KVHeads, shape.HeadDim)
	}
	if limit := dev.Info().Limits.Binding; max > limit/shape.rowBytes() {
		return nil, fmt.Errorf("kvcache: context of %d tokens, %s can bind %d rows of a layer (%d bytes): %w",
			max, dev.Info().Name, limit/shape.rowBytes(), limit, gpu.ErrLimit)
	}
	return &Cache{shape: shape, dev: dev, layers: make([]layer, shape.Layers), max: max}, nil
}

// Len is the number of rows in use.
func (c *Cache) Len() int { return c.n }

// Cap is the number of rows allocated.
func (c *Cache) Cap() int { return c.capacity }

// Max is the number of rows that the cache may grow to.
func (c *Cache) Max() int { return c.max }

// Bytes is the device memory that the cache takes now.
func (c *Cache) Bytes() int64 { return c.shape.Bytes(c.capacity) }

// Layer is the keys and values of a layer, as the kernels bind them, and how they
// are stored.
func (c *Cache) Layer(i int) (k, v gpu.Range, t kernels.CacheType) {
	return gpu.All(c.layers[i].k), gpu.All(c.layers[i].v), c.shape.Type
}

// Reserve makes room for rows rows in all. It grows in doubling steps, copying
// layer by layer on the device, so that at its peak it takes one layer more
// than before and after. On an error the cache is as it was, with its rows.
func (c *Cache) Reserve(rows int) error {
	if rows > c.max {
		return fmt.Errorf("kvcache: %d tokens, the context was made for %d: %w", rows, c.max, ErrFull)
	}
	if rows <= c.capacity {
		return nil
	}
	capacity := max(c.capacity, firstStep)
	for capacity < rows {
		capacity *= 2
	}
	capacity = min(capacity, c.max)
	for i := range c.layers {
		if err := c.growLayer(i, capacity); err != nil {
			return fmt.Errorf("kvcache: layer %d of %d: growing from %d to %d tokens: %w", i, len(c.layers), c.capacity, capacity, err)
		}
	}
	c.capacity = capacity
	return nil
}

func (c *Cache) growLayer(i, capacity int) error {
	old, size := c.layers[i], capacity*c.shape.rowBytes()
	if old.k != nil && old.k.Size >= size { // grown by a reservation that failed later
		return nil
	}
	var grown layer
	var err error
	if grown.k, err = c.dev.NewBuffer(fmt.Sprintf("keys of layer %d", i), size); err != nil {
		return err
	}
	if grown.v, err = c.dev.NewBuffer(fmt.Sprintf("values of layer %d", i), size); err != nil {
		c.dev.Free(grown.k)
		return err
	}
	if old.k != nil {
		var r gpu.Recording
		used := c.n * c.shape.rowBytes()
		r.Copy(grown.k, 0, old.k, 0, used)
		r.Copy(grown.v, 0, old.v, 0, used)
		if err := c.dev.Submit(&r); err != nil {
			c.dev.Free(grown.k)
			c.dev.Free(grown.v)
			return err
		}
		c.dev.Free(old.k)
		c.dev.Free(old.v)
	}
	c.layers[i] = grown
	return nil
}

// Append counts rows new rows as in use: the kernels of a step write them. There
// must be room.
func (c *Cache) Append(rows int) { c.n += rows }

// Truncate forgets all rows from n on, and keeps the memory.
func (c *Cache) Truncate(n int) {
	if n >= 0 && n < c.n {
		c.n = n
	}
}

// Close frees the cache's memory.
func (c *Cache) Close() {
	for i, l := range c.layers {
		if l.k != nil {
			c.dev.Free(l.k)
			c.dev.Free(l.v)
		}
		c.layers[i] = layer{}
	}
	c.n, c.capacity = 0, 0
}
