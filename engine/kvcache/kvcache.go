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
	Index   kernels.IndexType // a copy of the keys in fewer bits, for scoring
}

// Width is the number of values of a row.
func (s Shape) Width() int { return s.KVHeads * s.HeadDim }

// rowBytes is the size of a row of keys, or of values, of one layer.
func (s Shape) rowBytes() int { return s.Type.Bytes() * s.Width() }

// rows are the sizes of a row in each buffer of a layer: keys, values, and those
// of the index where there is one.
func (s Shape) rows() []int {
	sizes := []int{s.rowBytes(), s.rowBytes()}
	if s.Index != kernels.IndexNone {
		sizes = append(sizes, 4*s.Index.KeyWords(s.KVHeads, s.HeadDim), 4*s.Index.ScaleWords(s.KVHeads, s.HeadDim))
	}
	return sizes
}

// Bytes is the device memory that tokens rows take in all layers.
func (s Shape) Bytes(tokens int) int64 {
	sum := 0
	for _, size := range s.rows() {
		sum += size
	}
	return int64(tokens) * int64(s.Layers*sum)
}

// firstStep is the number of rows that a cache starts with; it doubles from
// there, so that a long context costs a handful of growths.
const firstStep = 1024

// Cache is the keys and values of one sequence. It is not safe for concurrent
// use.
type Cache struct {
	shape    Shape
	dev      gpu.Device
	tile     int // rows that stand together in the index: a layer has whole tiles of them
	layers   []layer
	n        int // rows in use
	capacity int // rows allocated
	max      int // rows that were asked for
}

// layer is the buffers of a layer, in the order of Shape.rows: keys and values,
// [capacity][KVHeads][HeadDim], and the index's keys and scales: see kernels.Index.
type layer []*gpu.Buffer

const indexKeys = 2 // the first buffer of a layer that belongs to its index

var labels = []string{"keys", "values", "key index", "scales of the key index"}

// New makes an empty cache that can grow to max rows. It takes no memory yet,
// and fails where a layer of max rows exceeds what dev can bind.
func New(dev gpu.Device, shape Shape, max int) (*Cache, error) {
	if max < 1 {
		return nil, fmt.Errorf("kvcache: context of %d tokens, expected at least 1", max)
	}
	if shape.Width()%2 != 0 {
		return nil, fmt.Errorf("kvcache: %d key heads of %d values, expected an even product", shape.KVHeads, shape.HeadDim)
	}
	if err := shape.Index.Fits(shape.HeadDim); err != nil {
		return nil, fmt.Errorf("kvcache: %w", err)
	}
	if limit := dev.Info().Limits.Binding; max > limit/shape.rowBytes() {
		return nil, fmt.Errorf("kvcache: context of %d tokens, %s can bind %d rows of a layer (%d bytes): %w",
			max, dev.Info().Name, limit/shape.rowBytes(), limit, gpu.ErrLimit)
	}
	return &Cache{shape: shape, dev: dev, tile: kernels.IndexTile(dev.Info().Kind), layers: make([]layer, shape.Layers), max: max}, nil
}

// Len is the number of rows in use.
func (c *Cache) Len() int { return c.n }

// Cap is the number of rows allocated.
func (c *Cache) Cap() int { return c.capacity }

// Max is the number of rows that the cache may grow to.
func (c *Cache) Max() int { return c.max }

// Bytes is the device memory that the cache takes now, but for rows that fill up
// tiles of the index.
func (c *Cache) Bytes() int64 { return c.shape.Bytes(c.capacity) }

// Layer is the keys and values of a layer, as the kernels bind them, and how they
// are stored.
func (c *Cache) Layer(i int) (k, v gpu.Range, t kernels.CacheType) {
	return gpu.All(c.layers[i][0]), gpu.All(c.layers[i][1]), c.shape.Type
}

// IndexType is the type of the key index that the cache keeps.
func (c *Cache) IndexType() kernels.IndexType { return c.shape.Index }

// Index is the key index of a layer.
func (c *Cache) Index(i int) kernels.Index {
	if c.shape.Index == kernels.IndexNone {
		return kernels.Index{}
	}
	return kernels.Index{Type: c.shape.Index, Tile: c.tile, Keys: gpu.All(c.layers[i][indexKeys]), Scale: gpu.All(c.layers[i][indexKeys+1])}
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
	old, rows := c.layers[i], c.shape.rows()
	if old != nil && old[0].Size >= capacity*rows[0] { // grown by a reservation that failed later
		return nil
	}
	var grown layer
	for j := range rows {
		b, err := c.dev.NewBuffer(fmt.Sprintf("%s of layer %d", labels[j], i), c.size(j, capacity))
		if err != nil {
			c.free(grown)
			return err
		}
		grown = append(grown, b)
	}
	if old != nil {
		var r gpu.Recording
		for j := range rows {
			r.Copy(grown[j], 0, old[j], 0, c.size(j, c.n))
		}
		if err := c.dev.Submit(&r); err != nil {
			c.free(grown)
			return err
		}
		c.free(old)
	}
	c.layers[i] = grown
	return nil
}

// size is that of rows rows in buffer j of a layer, in bytes: in the index a row
// is no piece of memory by itself, but its tile is.
func (c *Cache) size(j, rows int) int {
	if j >= indexKeys {
		rows = (rows + c.tile - 1) / c.tile * c.tile
	}
	return rows * c.shape.rows()[j]
}

func (c *Cache) free(l layer) {
	for _, b := range l {
		c.dev.Free(b)
	}
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
		c.free(l)
		c.layers[i] = nil
	}
	c.n, c.capacity = 0, 0
}
