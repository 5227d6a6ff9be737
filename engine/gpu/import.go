package gpu

import (
	"context"
	"fmt"
)

// Blob is data that Go does not hold, such as a Blob of JavaScript: what it is
// depends on the device.
type Blob any

// Importer is a Device that can also fill a buffer from a Blob, without the
// bytes passing through Go's memory.
type Importer interface {
	Device

	// Import copies rows of a Blob to places in b, ordered like Write. A value
	// that is not finite where a Part asks for it is a *ValueError; b is then
	// filled in part, as it is when ctx ends first.
	Import(ctx context.Context, b *Buffer, from Import) error
}

// Import says what an Importer copies: rows of blocks, of each of which every
// part takes some bytes to a place of its own.
type Import struct {
	Blob     Blob
	At       int64    // the byte at which row 0 begins
	Rows     int      // how many
	RowBytes int      // whole blocks
	Order    []uint32 // the row of the Blob that each row is, counted from At; nil: in order
	Block    int      // bytes
	Parts    []Part
}

// Part is bytes of every block. They follow each other in the buffer from
// Offset on, in all a multiple of 4, like Offset.
type Part struct {
	Skip, Take int // bytes of the block
	Offset     int // in the buffer, of those of the first row
	Check      Check
}

// Check is what the values of a part are checked for.
type Check uint8

// The checks.
const (
	Unchecked     Check = iota
	FiniteFloat16       // all are float16 values and finite
	FiniteFloat32
)

// ValueError is a value of a part that is not finite.
type ValueError struct {
	Part  int
	Value int // counted from the part's first
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("gpu: import: value %d of part %d is not finite", e.Value, e.Part)
}

// Validate tells what is wrong with an import into b.
func (i Import) Validate(b *Buffer) error {
	if i.At < 0 || i.Rows < 1 || i.Block < 1 || i.RowBytes < i.Block || i.RowBytes%i.Block != 0 {
		return fmt.Errorf("gpu: import into %s: %d rows of %d bytes in blocks of %d from %d on, expected rows of whole blocks", b.Label, i.Rows, i.RowBytes, i.Block, i.At)
	}
	if i.Order != nil && len(i.Order) != i.Rows {
		return fmt.Errorf("gpu: import into %s: an order of %d rows, expected %d", b.Label, len(i.Order), i.Rows)
	}
	for _, p := range i.Parts {
		if p.Skip < 0 || p.Take < 1 || p.Skip > i.Block-p.Take {
			return fmt.Errorf("gpu: import into %s: %d bytes after %d of a block, expected within its %d", b.Label, p.Take, p.Skip, i.Block)
		}
		if r := (Range{b, p.Offset, i.Rows * (i.RowBytes / i.Block) * p.Take}); r.Offset%4 != 0 || r.Size%4 != 0 || !r.inside() {
			return fmt.Errorf("gpu: import into %s: %d bytes at %d, expected multiples of 4 within its %d", b.Label, r.Size, r.Offset, b.Size)
		}
	}
	return nil
}
