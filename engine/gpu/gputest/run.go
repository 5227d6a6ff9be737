package gputest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"tokenselect/engine/gpu"
)

const (
	guard = 256 // bytes before and after what is bound: the alignment of a range
	spare = 64  // bytes bound beyond what a buffer asked for
)

// beyond is the word around outputs: a number, so that adding to it shows, and
// NaN that comes from around inputs too.
const beyond = 0x3f8147ae

// around is the word around a buffer's data. Around inputs it is NaN, so that
// what a kernel makes of values beyond its work shows.
func (b Buffer) around() uint32 {
	if b.output {
		return beyond
	}
	return Unwritten
}

// A variant is one way to play a plan.
type variant struct {
	name   string
	spare  int    // bytes bound beyond each buffer
	excess uint32 // times as many workgroups as were recorded
}

// Spare words show what a kernel reads or writes beyond its data; without them
// it shows whether it needs them. A grid of more than 65535 workgroups is spread
// over two dimensions with some to spare, which all kernels must leave alone: they
// are there with the spare words, where they have something to read and write.
var variants = []variant{
	{"with words beyond the data and twice the workgroups", spare, 2},
	{"with nothing beyond the data", 0, 1},
}

// Run runs the table on the device that open returns, and also closes when the
// test ends. A case that needs more memory than the device has is skipped. As the
// table takes a software GPU long, TOKENSELECT_TABLE=n runs the first of every n
// cases of each of its parts on devices other than the CPU's, without the largest.
func Run(t *testing.T, open func(testing.TB) gpu.Device) {
	runPart(t, open, 1)
}

// RunSome is Run for what a part of the table proves as well, also on the CPU: the
// first of every eighth cases where TOKENSELECT_TABLE asks for parts.
func RunSome(t *testing.T, open func(testing.TB) gpu.Device) {
	every := 1
	if os.Getenv("TOKENSELECT_TABLE") != "" {
		every = 8
	}
	runPart(t, open, every)
}

// partMost is the most bytes of a case's buffers where a part of the table is asked
// for: a software GPU takes seconds for more.
const partMost = 1 << 20

func runPart(t *testing.T, open func(testing.TB) gpu.Device, every int) {
	d, most := open(t), math.MaxInt
	if text := os.Getenv("TOKENSELECT_TABLE"); text != "" && d.Info().Kind != gpu.CPU {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("TOKENSELECT_TABLE=%s, expected a number from 1 on", text)
		}
		every = n
		if n > 1 {
			most = partMost
		}
	}
	names := map[string]bool{}
	for _, table := range tables {
		for i, c := range table() {
			if i%every != 0 {
				continue
			}
			if names[c.Name] {
				t.Errorf("two cases are called %s", c.Name)
			}
			names[c.Name] = true
			t.Run(c.Name, func(t *testing.T) { run(t, d, c, most) })
		}
	}
}

// run builds the case once and plays it in all variants, unless its buffers have
// more bytes than most.
func run(t *testing.T, d gpu.Device, c Case, most int) {
	h := fnv.New64a()
	h.Write([]byte(c.Name))
	plan := c.Build(rand.New(rand.NewPCG(h.Sum64(), 1)))
	size := 0
	for _, b := range plan.Buffers {
		size += len(b.Data)
	}
	if size > most {
		t.Skipf("skipped: %d bytes, and TOKENSELECT_TABLE asks for a part of the table", size)
	}
	want, err := plan.expected()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range variants {
		for nth, more := 0, true; more; nth++ {
			p := picked{dev: d.Info(), nth: nth}
			err := play(d, plan, want, v, &p)
			if errors.Is(err, gpu.ErrLimit) || errors.Is(err, gpu.ErrOutOfMemory) {
				t.Skipf("skipped: %s has not the memory: %v", d.Info().Name, err)
			} else if err != nil {
				t.Fatalf("%s%s: %v", v.name, p.with(), err)
			}
			if more = p.more; more && v == variants[0] {
				t.Logf("ran%s too", p.with())
			}
		}
	}
}

// expected is what the plain twins leave in the buffers of a plan, which have nothing
// beyond their data.
func (plan Plan) expected() ([][]byte, error) {
	var ranges []gpu.Range
	var all [][]byte
	mirror := map[*gpu.Buffer][]byte{}
	for _, b := range plan.Buffers {
		if len(b.Data) == 0 || len(b.Data)%4 != 0 {
			return nil, fmt.Errorf("buffer %s: %d bytes, expected a positive multiple of 4", b.Name, len(b.Data))
		}
		mem := aligned(len(b.Data))
		copy(mem, b.Data)
		buf := &gpu.Buffer{Label: b.Name, Size: len(mem)}
		mirror[buf] = mem
		all, ranges = append(all, mem), append(ranges, gpu.All(buf))
	}
	var r gpu.Recording
	plan.Record(&r, ranges)
	if r.Err() == nil && r.Len() == 0 {
		return nil, errors.New("nothing was recorded")
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	reference(&r, mirror)
	return all, nil
}

// play plays a plan with the shaders that p picks, and compares what that leaves with
// what was expected.
func play(d gpu.Device, plan Plan, want [][]byte, v variant, p *picked) error {
	var ranges []gpu.Range
	for _, b := range plan.Buffers {
		mem := aligned(guard + len(b.Data) + v.spare + guard)
		copy(mem, repeat(b.around(), len(mem)/4))
		copy(mem[guard:], b.Data)
		buf, err := d.NewBuffer(b.Name, len(mem))
		if err != nil {
			return err
		}
		defer d.Free(buf)
		if err := d.Write(buf, 0, mem); err != nil {
			return fmt.Errorf("buffer %s: %w", b.Name, err)
		}
		ranges = append(ranges, gpu.Range{Buffer: buf, Offset: guard, Size: len(b.Data) + v.spare})
	}
	var r gpu.Recording
	plan.Record(&r, ranges)
	for i, c := range r.Commands() {
		r.Commands()[i].Groups[1] = c.Groups[1] * v.excess
		if c.Kernel != nil {
			r.Commands()[i].Kernel = p.pick(c.Kernel)
		}
	}
	if err := d.Submit(&r); err != nil {
		return err
	}
	var wrong []string
	for i, b := range plan.Buffers {
		got := make([]byte, guard+len(b.Data)+v.spare+guard)
		if err := d.Read(context.Background(), ranges[i].Buffer, 0, got); err != nil {
			return fmt.Errorf("buffer %s: %w", b.Name, err)
		}
		if err := p.forgive(b.check(want[i], got)); err != nil {
			wrong = append(wrong, fmt.Sprintf("buffer %s: %v", b.Name, err))
		}
	}
	if wrong != nil {
		return errors.New(strings.Join(wrong, "\n"))
	}
	return nil
}

// check compares the whole of a buffer: its data with want, and what surrounds it.
func (b Buffer) check(want, got []byte) error {
	end, around := guard+len(b.Data), repeat(b.around(), len(got)/4)
	switch {
	case !bytes.Equal(got[:guard], around[:guard]):
		return fmt.Errorf("written before its start: %w", Exact(around[:guard], got[:guard]))
	case !bytes.Equal(got[end:], around[end:]):
		return fmt.Errorf("written beyond its end of %d bytes: %w", len(b.Data), Exact(around[end:], got[end:]))
	case b.Compare == nil:
		return Exact(want, got[guard:end])
	}
	return b.Compare(want, got[guard:end])
}

// reference plays a recording with the plain twins, once for all variants: what they
// do depends on the data alone, and a twin that reaches beyond its data panics.
func reference(r *gpu.Recording, mirror map[*gpu.Buffer][]byte) {
	bound := func(g gpu.Range) []byte { return mirror[g.Buffer][g.Offset:][:g.Size:g.Size] }
	for _, c := range r.Commands() {
		if c.Kernel == nil {
			copy(bound(c.Dst), bound(c.Src))
			continue
		}
		call := gpu.Call{Params: c.Params}
		for _, g := range c.Ranges {
			call.Bufs = append(call.Bufs, bound(g))
		}
		if items := c.Kernel.Items(&call); items > 0 {
			c.Kernel.Twin(&call, 0, items)
		}
	}
}

// aligned is n bytes at a multiple of 16, as twins expect their buffers.
func aligned(n int) []byte {
	raw := make([]byte, n+16)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(raw)))) & 15
	return raw[skip:][:n:n]
}
