package gputest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"tokenselect/engine/gpu"
	"tokenselect/engine/kernels"
)

// Shadow is a device that tells which kernel another computes wrongly. It plays
// each command by itself on Dev and, from the same contents of all buffers, on
// Ref, and compares what both wrote. After each command Ref goes on with what
// Dev has written, so that errors do not add up and the first difference is that
// of the kernel that is to blame. It reads all outputs back and is slow; once
// it has found a difference, it only passes commands on to Dev.
type Shadow struct {
	Dev gpu.Device
	Ref gpu.Device // the CPU device with its plain twins

	beside     map[*gpu.Buffer]*gpu.Buffer // Ref's buffer of each of Dev's
	recordings int
	commands   int
	first      *Difference
	one        gpu.Recording
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
	s := fmt.Sprintf("the first kernel that differs is %s, command %d of %d of recording %d: word %d of its %s in %s is %#08x (%g), expected %#08x (%g)",
		d.Kernel, d.Command, d.Of, d.Recording, d.Word, d.Binding, d.Buffer,
		d.Got, math.Float32frombits(d.Got), d.Want, math.Float32frombits(d.Want))
	if !math.IsNaN(d.Error) {
		s += fmt.Sprintf("; normalised mean squared error %.3g, expected at most %.3g", d.Error, d.Limit)
	}
	return s
}

// First is the first command that differed, or nil.
func (s *Shadow) First() *Difference { return s.first }

// Report says in words what First is.
func (s *Shadow) Report() string {
	if s.first != nil {
		return s.first.String()
	}
	return fmt.Sprintf("no kernel differs beyond tolerance, of %d commands in %d recordings", s.commands, s.recordings)
}

// Info describes Dev.
func (s *Shadow) Info() gpu.Info { return s.Dev.Info() }

// NewBuffer makes a buffer of Dev's and one of Ref's beside it.
func (s *Shadow) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	b, err := s.Dev.NewBuffer(label, size)
	if err != nil {
		return nil, err
	}
	r, err := s.Ref.NewBuffer(label, size)
	if err != nil {
		s.Dev.Free(b)
		return nil, fmt.Errorf("gputest: shadow: %w", err)
	}
	if s.beside == nil {
		s.beside = map[*gpu.Buffer]*gpu.Buffer{}
	}
	s.beside[b] = r
	return b, nil
}

// Free frees both.
func (s *Shadow) Free(b *gpu.Buffer) {
	s.Ref.Free(s.beside[b])
	delete(s.beside, b)
	s.Dev.Free(b)
}

// Write writes to both.
func (s *Shadow) Write(b *gpu.Buffer, offset int, data []byte) error {
	if err := s.Dev.Write(b, offset, data); err != nil {
		return err
	}
	return s.Ref.Write(s.beside[b], offset, data)
}

// Read reads what Dev has.
func (s *Shadow) Read(ctx context.Context, b *gpu.Buffer, offset int, dst []byte) error {
	return s.Dev.Read(ctx, b, offset, dst)
}

// BeginRead begins to read what Dev has.
func (s *Shadow) BeginRead(b *gpu.Buffer, offset, n int) (gpu.Pending, error) {
	return s.Dev.BeginRead(b, offset, n)
}

// Close closes neither device.
func (s *Shadow) Close() {}

// Submit plays r command by command, until one differs.
func (s *Shadow) Submit(r *gpu.Recording) error {
	if err := r.Err(); err != nil {
		return err
	}
	for i, c := range r.Commands() {
		if s.first != nil {
			break
		}
		d, err := s.play(c)
		if err != nil {
			return fmt.Errorf("gputest: shadow: command %d of %d: %w", i, r.Len(), err)
		}
		s.commands++
		if d != nil {
			d.Recording, d.Command, d.Of = s.recordings, i, r.Len()
			s.first = d
			if err := s.rest(r, i+1); err != nil {
				return err
			}
			s.recordings++
			return nil
		}
	}
	if s.first != nil {
		return s.Dev.Submit(r)
	}
	s.recordings++
	return nil
}

// rest submits the commands from one on to Dev alone.
func (s *Shadow) rest(r *gpu.Recording, from int) error {
	s.one.Reset()
	for _, c := range r.Commands()[from:] {
		s.one.Add(c)
	}
	return s.Dev.Submit(&s.one)
}

// play runs one command on both devices, compares and lets Ref have what Dev
// wrote.
func (s *Shadow) play(c gpu.Command) (*Difference, error) {
	ours, err := s.translate(c)
	if err != nil {
		return nil, err
	}
	outputs := outputs(c)
	var before, want, got [][]byte
	for _, o := range outputs {
		b, err := read(s.Ref, s.on(o.Range))
		if err != nil {
			return nil, err
		}
		before = append(before, b)
	}
	for _, on := range []struct {
		dev gpu.Device
		c   gpu.Command
	}{{s.Dev, c}, {s.Ref, ours}} {
		s.one.Reset()
		s.one.Add(on.c)
		if err := on.dev.Submit(&s.one); err != nil {
			return nil, err
		}
	}
	for _, o := range outputs {
		w, err := read(s.Ref, s.on(o.Range))
		if err != nil {
			return nil, err
		}
		g, err := read(s.Dev, o.Range)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(w, g) {
			if err := s.Ref.Write(s.beside[o.Buffer], o.Offset, g); err != nil {
				return nil, err
			}
		}
		want, got = append(want, w), append(got, g)
	}
	return compareOutputs(c, outputs, before, want, got), nil
}

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
		switch {
		case name == "soft_vote_hist" && o.binding == "hist" && !bytes.Equal(want[i], before[i]): // no hit
			// Votes that differ a little may be counted in the bin beside.
			want[i] = counted(before[i], got[i-1][:4*int(word(c.Params, 1))])
		case name == "top_k_border" && o.binding == "border":
			want[i] = inOrderOf(got[i], want[i])
		}
		if strings.HasPrefix(name, "key_index") && nearIndex(name, o.binding, want[i], got[i]) {
			continue
		}
		if m := differs(name, before[i], want[i], got[i]); m != nil {
			return &Difference{Kernel: name, Binding: o.binding, Buffer: o.Buffer.Label, Word: m.word,
				Got: word(got[i], m.word), Want: word(want[i], m.word), Error: m.err, Limit: m.limit}
		}
	}
	return nil
}

// nearIndex tells whether an index differs by no more than how a device rounds.
func nearIndex(kernel, binding string, want, got []byte) bool {
	t := kernels.IndexI8
	if kernel == "key_index_i4" {
		t = kernels.IndexI4
	}
	if binding == "scale" {
		return scales(t)(want, got) == nil
	}
	return steps(t)(want, got) == nil
}

// counted is what soft_vote_hist makes of hist for the votes.
func counted(hist, votes []byte) []byte {
	hist = bytes.Clone(hist)
	for i := range len(votes) / 4 {
		at := 4 * kernels.VoteBin(math.Float32frombits(word(votes, i)))
		binary.LittleEndian.PutUint32(hist[at:], binary.LittleEndian.Uint32(hist[at:])+1)
	}
	clear(hist[4*(kernels.VoteHistWords-1):][:4])
	return hist
}

// inOrderOf is want, pairs of words whose order may differ, with those that got
// has too where got has them.
func inOrderOf(got, want []byte) []byte {
	left := map[uint64]int{}
	for at := 0; at < len(want); at += 8 {
		left[binary.LittleEndian.Uint64(want[at:])]++
	}
	ordered := bytes.Clone(got)
	var strange []int // of got
	for at := 0; at < len(got); at += 8 {
		if pair := binary.LittleEndian.Uint64(got[at:]); left[pair] > 0 {
			left[pair]--
		} else {
			strange = append(strange, at)
		}
	}
	for at := 0; at < len(want) && len(strange) > 0; at += 8 {
		if pair := binary.LittleEndian.Uint64(want[at:]); left[pair] > 0 {
			left[pair]--
			binary.LittleEndian.PutUint64(ordered[strange[0]:], pair)
			strange = strange[1:]
		}
	}
	return ordered
}

// on is the range of Ref's beside one of Dev's.
func (s *Shadow) on(r gpu.Range) gpu.Range {
	r.Buffer = s.beside[r.Buffer]
	return r
}

// translate is c on Ref's buffers.
func (s *Shadow) translate(c gpu.Command) (gpu.Command, error) {
	all := []gpu.Range{c.Src, c.Dst}
	if c.Kernel != nil {
		all = c.Ranges
	}
	ranges := make([]gpu.Range, len(all))
	for i, r := range all {
		if ranges[i] = s.on(r); ranges[i].Buffer == nil {
			return c, fmt.Errorf("buffer %s is not of this device, or has been freed", r.Buffer.Label)
		}
	}
	if c.Kernel == nil {
		c.Src, c.Dst = ranges[0], ranges[1]
	} else {
		c.Ranges = ranges
	}
	return c, nil
}

func read(d gpu.Device, r gpu.Range) ([]byte, error) {
	b := make([]byte, r.Size)
	return b, d.Read(context.Background(), r.Buffer, r.Offset, b)
}
