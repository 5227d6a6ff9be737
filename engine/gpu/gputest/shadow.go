package gputest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tokenselect/engine/gpu"
)

// Shadow is a device that tells which kernel another computes wrongly. It plays
// each command by itself on that device, and its plain twin on the same
// contents of all buffers, and compares what both wrote. The twin of the next
// command goes on with what the device has written, so that errors do not add up
// and the first difference is that of the kernel that is to blame. It reads all
// outputs back and is slow; once it has found a difference, it only passes
// commands on.
type Shadow struct {
	gpu.Device

	mirror     map[*gpu.Buffer][]byte // what the device's buffers hold
	recordings int
	commands   int
	first      *Difference
}

// NewShadow is a Shadow over dev, which stays the caller's to close.
func NewShadow(dev gpu.Device) *Shadow {
	return &Shadow{Device: dev, mirror: map[*gpu.Buffer][]byte{}}
}

// Difference is a command that came out otherwise on the two devices.
type Difference struct {
	Recording int // which of those submitted, from 0 on
	Command   int // its position in the recording
	Of        int // the recording's commands
	Kernel    string
	Binding   string // the output that differs
	Buffer    string
	Word      int     // of what is bound, where it differs most
	Got, Want uint32  // that word
	Error     float64 // normalised mean squared error of the output; NaN where words had to be equal
	Limit     float64
}

func (d *Difference) String() string {
	s := fmt.Sprintf("kernel %s, command %d of %d of recording %d: word %d of its %s in %s is %#08x (%g), expected %#08x (%g)",
		d.Kernel, d.Command, d.Of, d.Recording, d.Word, d.Binding, d.Buffer,
		d.Got, math.Float32frombits(d.Got), d.Want, math.Float32frombits(d.Want))
	if !math.IsNaN(d.Error) {
		s += fmt.Sprintf("; normalised mean squared error %.3g, expected at most %.3g", d.Error, d.Limit)
	}
	return s
}

// Checked is the number of commands that were compared.
func (s *Shadow) Checked() int { return s.commands }

// First says what the first command is that differed, as String of Found does;
// "" where none did.
func (s *Shadow) First() string {
	if s.first == nil {
		return ""
	}
	return s.first.String()
}

// Found is the first command that differed, or nil.
func (s *Shadow) Found() *Difference { return s.first }

func (s *Shadow) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	b, err := s.Device.NewBuffer(label, size)
	if err == nil {
		s.mirror[b] = aligned(size)
	}
	return b, err
}

func (s *Shadow) Free(b *gpu.Buffer) {
	delete(s.mirror, b)
	s.Device.Free(b)
}

func (s *Shadow) Write(b *gpu.Buffer, offset int, data []byte) error {
	if err := s.Device.Write(b, offset, data); err != nil {
		return err
	}
	copy(s.mirror[b][offset:], data)
	return nil
}

// Close leaves the device open.
func (s *Shadow) Close() {}

// Submit plays r command by command, until one differs.
func (s *Shadow) Submit(r *gpu.Recording) error {
	if err := r.Err(); err != nil {
		return err
	}
	for i := range r.Commands() {
		if s.first != nil {
			return s.Device.Submit(part(r, i, r.Len()))
		}
		d, err := s.play(part(r, i, i+1))
		if err != nil {
			return fmt.Errorf("gputest: shadow: command %d of %d: %w", i, r.Len(), err)
		}
		s.commands++
		if d != nil {
			d.Recording, d.Command, d.Of = s.recordings, i, r.Len()
			s.first = d
		}
	}
	s.recordings++
	return nil
}

// part is the commands of r from one up to another.
func part(r *gpu.Recording, from, to int) *gpu.Recording {
	var p gpu.Recording
	for _, c := range r.Commands()[from:to] {
		p.Add(c)
	}
	return &p
}

// play runs a recording of one command on the device, and its twin, compares
// and keeps what the device wrote.
func (s *Shadow) play(r *gpu.Recording) (*Difference, error) {
	if err := s.Device.Submit(r); err != nil {
		return nil, err
	}
	c := r.Commands()[0]
	outputs := outputs(c)
	var before, want, got [][]byte
	for _, o := range outputs {
		before = append(before, slices.Clone(s.held(o.Range)))
	}
	reference(r, s.mirror)
	for _, o := range outputs {
		g := make([]byte, o.Size)
		if err := s.Read(context.Background(), o.Buffer, o.Offset, g); err != nil {
			return nil, err
		}
		want, got = append(want, slices.Clone(s.held(o.Range))), append(got, g)
		copy(s.held(o.Range), g)
	}
	return compareOutputs(c, outputs, before, want, got), nil
}

// held is what the mirror has of a range.
func (s *Shadow) held(r gpu.Range) []byte { return s.mirror[r.Buffer][r.Offset:][:r.Size] }

// output is a range that a command may write.
type output struct {
	gpu.Range
	binding string
}

func outputs(c gpu.Command) []output {
	if c.Kernel == nil {
		return []output{{c.Dst, "destination"}}
	}
	var o []output
	for i, b := range c.Kernel.Bindings {
		if b.Access == gpu.ReadWrite {
			o = append(o, output{c.Ranges[i], b.Name})
		}
	}
	return o
}

func compareOutputs(c gpu.Command, outputs []output, before, want, got [][]byte) *Difference {
	name := "copy"
	if c.Kernel != nil {
		name = c.Kernel.Name
	}
	if name == "selection_cache" {
		const state = 1 // of its outputs
		if cosines(c, want[state], got[state]) {
			return nil
		}
	}
	for i, o := range outputs {
		if m := differs(name, before[i], want[i], got[i]); m != nil {
			return &Difference{Kernel: name, Binding: o.binding, Buffer: o.Buffer.Label, Word: m.word,
				Got: word(got[i], m.word), Want: word(want[i], m.word), Error: m.err, Limit: m.limit}
		}
	}
	return nil
}
