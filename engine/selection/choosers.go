//go:build !lean

package selection

import (
	"context"
	"fmt"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// chooser is how a policy finds the rows that it selects for all heads. Its memory is
// shared by the layers, which come one after the other.
type chooser interface {
	// memory is the buffers that it works in over a cache of rows rows, with their
	// bytes. They start as zeros.
	memory(rows int) []buffer
	// choose records what writes k of the n rows from lo on to out.Sel, in order,
	// unless out.State says that the Selection Cache has been hit.
	choose(r *gpu.Recording, q kernels.Query, out kernels.Selection, lo, n int)
}

// rival is a policy with lists, positions or a memory that TokenSelect does without.
type rival interface {
	// memory is the buffers that it works in over a cache of rows rows, with their
	// bytes. They start as zeros, and keep what they hold when the cache grows.
	memory(rows int) []buffer
	// attend records what finds the rows that q attends to, and completes out.
	attend(r *gpu.Recording, q kernels.Query, out kernels.Selection) kernels.Selection
}

// lister is a rival that selects.
type lister interface {
	// chosenLists reads back what the last step chose.
	chosenLists(ctx context.Context) ([]Chosen, error)
}

// rivalMemory is the memory of the rival.
func (s *Selector) rivalMemory(rows int) []buffer { return s.rival.memory(rows) }

// attend records what the rival does for a step.
func (s *Selector) attend(r *gpu.Recording, q kernels.Query, out kernels.Selection) kernels.Selection {
	return s.rival.attend(r, q, out)
}

// rivalChosen is what the rival's last step chose, if it selects.
func (s *Selector) rivalChosen(ctx context.Context) ([]Chosen, error) {
	if l, ok := s.rival.(lister); ok {
		return l.chosenLists(ctx)
	}
	return nil, nil
}

// grow puts buffers of other sizes in the place of those that there are, with what
// they hold.
func (s *Selector) grow(sizes []buffer, rows int) error {
	var r gpu.Recording
	old := map[**gpu.Buffer]*gpu.Buffer{}
	for _, to := range sizes {
		b, size := to.at, to.bytes
		made, err := s.dev.NewBuffer("selection", size)
		if err != nil {
			err = fmt.Errorf("selection: %d bytes: %w", size, err)
		} else {
			r.Copy(made, 0, *b, 0, min(size, (*b).Size))
			old[b], *b = *b, made
			continue
		}
		for b, was := range old { // as it was
			s.dev.Free(*b)
			*b = was
		}
		return err
	}
	err := s.dev.Submit(&r)
	for _, b := range old {
		s.dev.Free(b)
	}
	if err == nil {
		s.rows = rows
	}
	return err
}
