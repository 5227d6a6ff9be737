//go:build (darwin || linux || windows) && (amd64 || arm64) && !nodawn

package dawn_test

import (
	"context"
	"encoding/binary"
	"testing"

	"tokenselect/engine/gpu"
)

// source is a text that stands in two files: the first line in one, the others
// in a second that starts at line 100.
func source(text string) func() (gpu.Source, error) {
	return func() (gpu.Source, error) {
		return gpu.Source{Text: text, Locate: func(n int) (string, int) {
			if n == 1 {
				return "test/head.wgsl", 1
			}
			return "test/body.wgsl", 98 + n
		}}, nil
	}
}

type addParams struct{ N, Plus, Width uint32 }

// add: y[i] = x[i] + Plus for i < N.
var add = &gpu.Kernel{
	Name: "add", Bindings: []gpu.Binding{{Name: "x", Access: gpu.Read}, {Name: "y", Access: gpu.ReadWrite}}, Params: 12,
	WGSL: source(`struct Params { n: u32, plus: u32, width: u32 }
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) li: u32) {
  let i = (wg.y * p.width + wg.x) * 64u + li;
  if (i < p.n) { y[i] = x[i] + p.plus; }
}
`)}

// bump: y[0] = 31*y[0] + Value, which depends on the order of the dispatches.
var bump = &gpu.Kernel{
	Name: "bump", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}}, Params: 4,
	WGSL: source(`struct Params { value: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(1) @binding(0) var<uniform> p: Params;
@compute @workgroup_size(1)
fn main() { y[0] = 31u * y[0] + p.value; }
`)}

// count: y[0] counts workgroups; it has no params worth the name.
var count = &gpu.Kernel{
	Name: "count", Bindings: []gpu.Binding{{Name: "y", Access: gpu.ReadWrite}}, Params: 0,
	WGSL: source(`@group(0) @binding(0) var<storage, read_write> y: array<atomic<u32>>;
@compute @workgroup_size(1)
fn main() { atomicAdd(&y[0], 1u); }
`)}

func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func ramp(n int) []byte {
	b := make([]byte, 4*n)
	for i := range n {
		binary.LittleEndian.PutUint32(b[4*i:], uint32(i))
	}
	return b
}

func newBuffer(t testing.TB, d gpu.Device, label string, size int) *gpu.Buffer {
	t.Helper()
	b, err := d.NewBuffer(label, size)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, d gpu.Device, b *gpu.Buffer, offset int, data []byte) {
	t.Helper()
	if err := d.Write(b, offset, data); err != nil {
		t.Fatal(err)
	}
}

func submit(t testing.TB, d gpu.Device, r *gpu.Recording) {
	t.Helper()
	if err := d.Submit(r); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, d gpu.Device, b *gpu.Buffer, offset, n int) []uint32 {
	t.Helper()
	raw := make([]byte, 4*n)
	if err := d.Read(context.Background(), b, offset, raw); err != nil {
		t.Fatal(err)
	}
	v := make([]uint32, n)
	for i := range v {
		v[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return v
}
