package gpu

import (
	"fmt"
	"unsafe"
)

// Range is a part of a buffer that a dispatch binds. Offset is a multiple of
// 256, the alignment that WebGPU guarantees.
type Range struct {
	Buffer *Buffer
	Offset int
	Size   int
}

// All is the whole of b.
func All(b *Buffer) Range { return Range{b, 0, b.Size} }

// Command is a dispatch (Kernel is set) or a copy of Range Src to Dst.
type Command struct {
	Kernel *Kernel
	Groups [3]uint32 // workgroups, for devices that run the shader
	Params []byte
	Ranges []Range // the bindings of Kernel, in order

	Src, Dst Range // of a copy
}

// Recording is a list of commands that a Device runs in order. It can be
// reset and filled again without allocating. The zero value is empty.
type Recording struct {
	commands []Command
	ranges   []Range
	params   []byte
	err      error
}

// maxGroups is the number of workgroups that every WebGPU device takes along
// one dimension.
const maxGroups = 65535

// Reset empties r and keeps its memory.
func (r *Recording) Reset() {
	r.commands, r.ranges, r.params, r.err = r.commands[:0], r.ranges[:0], r.params[:0], nil
}

// Len is the number of commands.
func (r *Recording) Len() int { return len(r.commands) }

// Err is the first error of a recorded command.
func (r *Recording) Err() error { return r.err }

// Fail makes err the recording's error unless it has one: what the functions
// that record a kernel call when the sizes do not fit.
func (r *Recording) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Add records a command of another recording once more. It stays valid as long
// as that recording is not reset.
func (r *Recording) Add(c Command) {
	if r.err == nil {
		r.commands = append(r.commands, c)
	}
}

// Commands are the commands of r. They are valid until Reset.
func (r *Recording) Commands() []Command { return r.commands }

// Dispatch records one call of k. Params points to the kernel's Params struct,
// whose bytes are copied; groups is the number of workgroups, which is spread
// over two dimensions where it exceeds 65535 (shaders take it from lib/grid).
func Dispatch[P any](r *Recording, k *Kernel, groups int, params *P, ranges ...Range) {
	r.dispatch(k, groups, unsafe.Slice((*byte)(unsafe.Pointer(params)), unsafe.Sizeof(*params)), ranges)
}

func (r *Recording) dispatch(k *Kernel, groups int, params []byte, ranges []Range) {
	if r.err != nil {
		return
	}
	switch {
	case len(params) != k.Params:
		r.Fail(fmt.Errorf("gpu: kernel %s: params of %d bytes, expected %d", k.Name, len(params), k.Params))
		return
	case len(ranges) != len(k.Bindings):
		r.Fail(fmt.Errorf("gpu: kernel %s: %d bindings, expected %d", k.Name, len(ranges), len(k.Bindings)))
		return
	case groups < 0 || groups > maxGroups*maxGroups:
		r.Fail(fmt.Errorf("gpu: kernel %s: %d workgroups, expected 0 to %d", k.Name, groups, maxGroups*maxGroups))
		return
	case groups == 0:
		return
	}
	for i, g := range ranges {
		if err := checkRange(g); err != nil {
			r.Fail(fmt.Errorf("gpu: kernel %s: binding %s: %w", k.Name, k.Bindings[i].Name, err))
			return
		}
		for j, o := range ranges[:i] {
			if g.Buffer == o.Buffer && (k.Bindings[i].Access == ReadWrite || k.Bindings[j].Access == ReadWrite) {
				r.Fail(fmt.Errorf("gpu: kernel %s: bindings %s and %s are one buffer (%s) and one is written", k.Name, k.Bindings[j].Name, k.Bindings[i].Name, g.Buffer.Label))
				return
			}
		}
	}
	xyz := [3]uint32{uint32(groups), 1, 1}
	if groups > maxGroups {
		y := (groups + maxGroups - 1) / maxGroups
		xyz = [3]uint32{uint32((groups + y - 1) / y), uint32(y), 1}
	}
	// Commands keep slices of the arenas; a grown arena leaves the old ones
	// with their (equal) contents, so they stay valid.
	r.ranges = append(r.ranges, ranges...)
	at := len(r.params)
	r.params = append(r.params, params...)
	r.commands = append(r.commands, Command{
		Kernel: k, Groups: xyz,
		Params: r.params[at:len(r.params):len(r.params)],
		Ranges: r.ranges[len(r.ranges)-len(ranges) : len(r.ranges) : len(r.ranges)],
	})
}

// Copy records a copy of n bytes between different buffers, at offsets that
// are multiples of 4.
func (r *Recording) Copy(dst *Buffer, dstOffset int, src *Buffer, srcOffset, n int) {
	if r.err != nil || n == 0 {
		return
	}
	s, d := Range{src, srcOffset, n}, Range{dst, dstOffset, n}
	if src == dst || n%4 != 0 || srcOffset%4 != 0 || dstOffset%4 != 0 || !s.inside() || !d.inside() {
		r.Fail(fmt.Errorf("gpu: copy of %d bytes from %s at %d to %s at %d: out of range, unaligned or within one buffer", n, label(src), srcOffset, label(dst), dstOffset))
		return
	}
	r.commands = append(r.commands, Command{Src: s, Dst: d})
}

func checkRange(g Range) error {
	switch {
	case g.Buffer == nil:
		return fmt.Errorf("no buffer")
	case g.Offset%256 != 0:
		return fmt.Errorf("offset %d in %s, expected a multiple of 256", g.Offset, g.Buffer.Label)
	case g.Size%4 != 0 || g.Size == 0 || !g.inside():
		return fmt.Errorf("bytes %d to %d of %s, which has %d", g.Offset, g.Offset+g.Size, g.Buffer.Label, g.Buffer.Size)
	}
	return nil
}

func (g Range) inside() bool {
	return g.Buffer != nil && g.Offset >= 0 && g.Size >= 0 && g.Offset <= g.Buffer.Size-g.Size
}

func label(b *Buffer) string {
	if b == nil {
		return "no buffer"
	}
	return b.Label
}
