package weights

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func TestSafetensors(t *testing.T) {
	for _, kind := range []Type{F32, F16, BF16} {
		m := random(small("qwen3"))
		for name, x := range m.Tensors {
			c, err := Convert(x, kind)
			if err != nil {
				t.Fatal(err)
			}
			m.Tensors[name] = c
		}
		got, err := ParseSafetensors("x", safetensors(m.Tensors))
		if err != nil {
			t.Fatal(err)
		}
		same(t, &Model{Tensors: got}, m)
		for name, x := range got {
			if x.Type != kind {
				t.Errorf("tensor %s: %v, expected %v", name, x.Type, kind)
			}
		}
	}
}

func TestSafetensorsRefuses(t *testing.T) {
	one := func(dtype, shape, offsets string) string {
		return `{"w":{"dtype":"` + dtype + `","shape":` + shape + `,"data_offsets":` + offsets + `}}`
	}
	good := one("F32", "[2]", "[0,8]")
	if _, err := ParseSafetensors("x", withHeader(good, make([]byte, 8))); err != nil {
		t.Fatal(err)
	}
	long := binary.LittleEndian.AppendUint64(nil, 1<<63)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "0 bytes, expected at least the 8"},
		{"header too long", append(long, good...), "header of 9223372036854775808 bytes"},
		{"header longer than the file", withHeader(good, nil)[:20], "header of"},
		{"no JSON", withHeader("{w}", nil), "no valid JSON"},
		{"JSON and more", withHeader(good+"x", make([]byte, 8)), "no valid JSON"},
		{"no object", withHeader("[]", nil), "expected an object"},
		{"tensor of nothing", withHeader(`{"w":3}`, nil), "tensor w"},
		{"dtype", withHeader(one("I8", "[8]", "[0,8]"), make([]byte, 8)), `tensor w: dtype "I8" is not supported; F32, F16 and BF16 are`},
		{"quantised dtype", withHeader(one("F8_E4M3", "[8]", "[0,8]"), make([]byte, 8)), `"F8_E4M3"`},
		{"negative shape", withHeader(one("F32", "[-2]", "[0,8]"), make([]byte, 8)), "shape [-2]"},
		{"shape that overflows", withHeader(one("F32", "[4611686018427387904,4]", "[0,8]"), make([]byte, 8)), "not possible"},
		{"fraction of a shape", withHeader(one("F32", "[1.5]", "[0,8]"), make([]byte, 8)), "tensor w"},
		{"bytes for another shape", withHeader(one("F32", "[3]", "[0,8]"), make([]byte, 8)), "8 bytes, expected 12"},
		{"one offset", withHeader(one("F32", "[2]", "[8]"), make([]byte, 8)), "data_offsets [8]"},
		{"offsets backwards", withHeader(one("F32", "[2]", "[8,0]"), make([]byte, 8)), "data_offsets [8 0]"},
		{"negative offset", withHeader(one("F32", "[2]", "[-8,0]"), make([]byte, 8)), "data_offsets [-8 0]"},
		{"beyond the file", withHeader(good, make([]byte, 7)), "within the 7 bytes"},
		{"bytes left over", withHeader(good, make([]byte, 9)), "9 bytes of data, expected the 8"},
		{"gap", withHeader(one("F32", "[1]", "[4,8]"), make([]byte, 8)), "starts at byte 4"},
		{"overlap", withHeader(`{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8)), "tensor w: starts at byte 4 of the data, expected 8"},
		{"name twice", withHeader(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, make([]byte, 8)), "tensor w occurs twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSafetensors("bad.safetensors", c.data)
			refused(t, err, "weights: bad.safetensors: ", c.want)
		})
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(safetensors(map[string]Tensor{"v": {Name: "v", Type: F32, Shape: []int{1, 2}, Data: make([]byte, 8)}, "w": {Name: "w", Type: BF16, Shape: []int{2}, Data: make([]byte, 4)}}))
	f.Add(withHeader(`{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, make([]byte, 4)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := ParseSafetensors("fuzz", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "weights: fuzz: ") {
				t.Fatalf("error %q does not name the file", err)
			}
			return
		}
		lazy, err := openSafetensors(bytes.NewReader(data), int64(len(data)))
		if err != nil || len(lazy) != len(tensors) {
			t.Fatalf("%d tensors in memory, %d in the file: %v", len(tensors), len(lazy), err)
		}
		total := 0
		for name, x := range tensors {
			later, err := lazy[name].Load()
			if err == nil && !bytes.Equal(later.Data, x.Data) || err != nil && x.finite() == nil {
				t.Fatalf("tensor %s is another in the file: %v", name, err)
			}
			if _, err := x.Float32(); err != nil {
				t.Fatalf("accepted, but %v", err)
			}
			if x.Name != name {
				t.Fatalf("tensor %s is called %s", name, x.Name)
			}
			total += len(x.Data)
		}
		if total > len(data) {
			t.Fatalf("%d bytes of tensors in a file of %d", total, len(data))
		}
	})
}
