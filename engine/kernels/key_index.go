package kernels

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
)

// IndexType is how the key index is stored: a copy of the keys in fewer bits,
// from which candidates are scored. Attention always reads the cache.
type IndexType int

// The types of the key index.
const (
	IndexNone IndexType = iota // no index: scores are computed from the cache
	IndexI8                    // a byte a value, a float32 scale a head
	IndexI4                    // half a byte a value, a float16 scale for 32
)

var indexNames = []string{"exact", "int8", "int4"}

func (t IndexType) String() string {
	if t < 0 || int(t) >= len(indexNames) {
		return fmt.Sprintf("type %d", int(t))
	}
	return indexNames[t]
}

// MarshalText is String, for reports.
func (t IndexType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is ParseIndexType.
func (t *IndexType) UnmarshalText(name []byte) (err error) {
	*t, err = ParseIndexType(string(name))
	return err
}

// ParseIndexType is the type called name: exact, int8 or int4.
func ParseIndexType(name string) (IndexType, error) {
	if i := slices.Index(indexNames, name); i >= 0 {
		return IndexType(i), nil
	}
	return 0, fmt.Errorf("kernels: key index of type %q, expected exact, int8 or int4", name)
}

// Fits says why an index of heads of size d cannot be, or nil.
func (t IndexType) Fits(d int) error {
	of := map[IndexType]int{IndexI8: 16, IndexI4: 64}[t]
	if t != IndexNone && (d%of != 0 || d > maxHead) {
		return fmt.Errorf("kernels: %v key index of heads of size %d, expected a multiple of %d up to %d", t, d, of, maxHead)
	}
	return nil
}

// KeyWords and ScaleWords are what the index takes of so many key heads of size
// d, in words.
func (t IndexType) KeyWords(heads, d int) int {
	switch t {
	case IndexI8:
		return heads * d / 4
	case IndexI4:
		return heads * d / 8
	}
	return 0
}

// ScaleWords is the size of the scales: see KeyWords.
func (t IndexType) ScaleWords(heads, d int) int {
	switch t {
	case IndexI8:
		return heads
	case IndexI4:
		return heads * d / 64
	}
	return 0
}

// Index is a layer's key index. Its values are keys less a centre that all rows of
// the layer share. That lowers all scores of a head by the same, which no softmax
// sees: the vote is as it was (paper, eq. 7).
//
// A key is vectors of 16 bytes, and rows stand together in tiles: first all rows'
// first vectors of a head, then all their second ones. Neighbouring invocations of
// a GPU have neighbouring rows each, so that what they read at a time stands side
// by side, and none has to share a key with others. Tiles of one row are rows one
// after the other, as a CPU reads them best.
type Index struct {
	Type  IndexType
	Tile  int       // rows of a tile: IndexTile of the device
	Keys  gpu.Range // [rows / Tile][kvHeads][vectors of a key][Tile] vectors
	Scale gpu.Range // [rows / Tile][kvHeads][words of scales of a key][Tile] words
}

// IndexTile is how many rows stand together in a key index on a device of kind k.
func IndexTile(k gpu.Kind) int {
	if k == gpu.CPU {
		return 1
	}
	return gpuTile
}

const gpuTile = 32 // as many rows as invocations read together

// Rows is rows rounded up to whole tiles: what Keys and Scale have room for.
func (x Index) Rows(rows int) int { return ceil(rows, x.Tile) * x.Tile }

// KeyIndexParams are those of key_index.
type KeyIndexParams struct {
	Rows    uint32
	Stride  uint32 // values from row to row of qkv
	KOffset uint32 // of the keys in a row of qkv
	KVHeads uint32
	Row0    uint32 // first row of the index to write
}

type indexShape struct {
	t       IndexType
	tile, d int
}

var keyIndexes family[indexShape]

func keyIndex(s indexShape) *gpu.Kernel {
	return keyIndexes.get(s, func() *gpu.Kernel {
		name, d, numbers := "key_index_i4", s.d, map[string]int{"HEAD_DIM": s.d, "TILE": s.tile}
		if s.t == IndexI8 {
			name, numbers["LANES"] = "key_index_i8", indexLanes(d)
		}
		return &gpu.Kernel{
			Name:     name,
			Bindings: []gpu.Binding{in("qkv"), out("keys"), out("scale"), in("centre")},
			Params:   sizeOf[KeyIndexParams](),
			WGSL:     wgsl(name, numbers),
			Items:    func(c *gpu.Call) int { return int(params[KeyIndexParams](c).Rows) },
			Twin: func(c *gpu.Call, lo, hi int) {
				p := params[KeyIndexParams](c)
				qkv, centre, key := view[float32](c, 0), view[float32](c, 3), make([]float32, d)
				to := s.view(c, 1, 2, int(p.KVHeads))
				for i := lo; i < hi; i++ {
					for h := range int(p.KVHeads) {
						at := int(p.KOffset) + h*d
						for j := range key {
							key[j] = qkv[i*int(p.Stride)+at+j] - centre[at+j]
						}
						to.write(key, int(p.Row0)+i, h)
					}
				}
			},
		}
	})
}

const indexGroup = 64 // invocations of a workgroup of key_index

// indexLanes is the number of invocations of key_index for a head of int8: 16 values
// are for each, and they are a power of two, so that workgroups have whole heads.
func indexLanes(d int) int { return powerOfTwo(d / 16) }

func magnitude(x []float32) (m float32) {
	for _, v := range x {
		m = max(m, v, -v)
	}
	return m
}

// wholes is v over a step as a whole number from -most to most; 0 where the step
// is 0.
func wholes(v, inverse, most float32) int32 {
	if math.IsInf(float64(inverse), 0) {
		return 0
	}
	return int32(min(max(float32(math.RoundToEven(float64(v*inverse))), -most), most))
}

// KeyIndex records rows row0 to row0+rows-1 of a layer's key index, from the keys
// of qkv, which are those that KVAppend stores, less those of centre, which is like
// a row of qkv. Any centre will do, as long as all rows have the same; the nearer
// it is to their mean, the finer are the steps. Stride and kOffset are multiples of
// 4, d of 16, for int4 of 64. An invocation takes 16 values of a head of a row.
func KeyIndex(r *gpu.Recording, index Index, qkv, centre gpu.Range, rows, stride, kOffset, kvHeads, d, row0 int) {
	if err := index.Type.Fits(d); err != nil {
		r.Fail(err)
		return
	}
	if index.Type == IndexNone {
		r.Fail(errors.New("kernels: key_index: no key index, expected int8 or int4"))
		return
	}
	if stride%4 != 0 || kOffset%4 != 0 {
		r.Fail(fmt.Errorf("kernels: key_index: keys at %d of rows of %d values, expected multiples of 4", kOffset, stride))
		return
	}
	kern, heads := keyIndex(indexShape{index.Type, index.Tile, d}), index.Rows(row0+rows)*kvHeads
	need(r, kern, 0, qkv, (rows-1)*stride+kOffset+kvHeads*d)
	need(r, kern, 1, index.Keys, index.Type.KeyWords(heads, d))
	need(r, kern, 2, index.Scale, index.Type.ScaleWords(heads, d))
	need(r, kern, 3, centre, kOffset+kvHeads*d)
	groups := ceil(rows*kvHeads, indexGroup/indexLanes(d))
	if index.Type == IndexI4 {
		groups = ceil(rows*kvHeads*d/16, indexGroup)
	}
	p := KeyIndexParams{uint32(rows), uint32(stride), uint32(kOffset), uint32(kvHeads), uint32(row0)}
	gpu.Dispatch(r, kern, groups, &p, qkv, index.Keys, index.Scale, centre)
}

// indexed is a binding of a key index and its scales.
type indexed struct {
	indexShape
	kvHeads int
	keys    []uint32
	scale   []uint32
}

func (s indexShape) view(c *gpu.Call, keys, scale, kvHeads int) indexed {
	return indexed{s, kvHeads, view[uint32](c, keys), view[uint32](c, scale)}
}

// word is where word w of a key stands, and scaleWord that of its scales.
func (x indexed) word(row, kv, w int) int {
	vectors := x.t.KeyWords(1, x.d) / 4
	return (((row/x.tile*x.kvHeads+kv)*vectors+w/4)*x.tile+row%x.tile)*4 + w%4
}

func (x indexed) scaleWord(row, kv, w int) int {
	return ((row/x.tile*x.kvHeads+kv)*x.t.ScaleWords(1, x.d)+w)*x.tile + row%x.tile
}

// read decodes head kv of a row into dst.
func (x indexed) read(dst []float32, row, kv int) {
	for j := range dst {
		if x.t == IndexI8 {
			b := x.keys[x.word(row, kv, j/4)] >> (8 * (j % 4))
			dst[j] = float32(int8(b)) * math.Float32frombits(x.scale[x.scaleWord(row, kv, 0)])
			continue
		}
		nibble := x.keys[x.word(row, kv, j/8)] >> (8*(j%4) + j/4%2*4) & 15
		half := x.scale[x.scaleWord(row, kv, j/64)] >> (16 * (j / 32 % 2))
		dst[j] = float32(int32(nibble)-8) * f16.ToFloat32(uint16(half))
	}
}

// write encodes key as head kv of a row.
func (x indexed) write(key []float32, row, kv int) {
	if x.t == IndexI8 {
		most := magnitude(key)
		x.scale[x.scaleWord(row, kv, 0)] = math.Float32bits(most / 127)
		for j := 0; j < len(key); j += 4 {
			word := uint32(0)
			for e := range 4 {
				word |= uint32(uint8(wholes(key[j+e], 127/most, 127))) << (8 * e)
			}
			x.keys[x.word(row, kv, j/4)] = word
		}
		return
	}
	for b := 0; b < len(key); b += 32 {
		half, at := f16.FromFloat32(magnitude(key[b:b+32])/7), x.scaleWord(row, kv, b/64)
		shift := b / 32 % 2 * 16
		x.scale[at] = x.scale[at]&^(0xffff<<shift) | uint32(half)<<shift
		inverse := 1 / f16.ToFloat32(half)
		for j := b; j < b+32; j += 8 {
			word := uint32(0)
			for e := range 4 {
				low, high := wholes(key[j+e], inverse, 7)+8, wholes(key[j+4+e], inverse, 7)+8
				word |= (uint32(low) | uint32(high)<<4) << (8 * e)
			}
			x.keys[x.word(row, kv, j/8)] = word
		}
	}
}
