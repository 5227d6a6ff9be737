package layer

import (
	"fmt"
	"strings"
	"testing"

	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
)

// limited is a device that binds little.
type limited struct {
	gpu.Device
	binding int
}

func (l limited) Info() gpu.Info {
	info := l.Device.Info()
	info.Limits.Binding = l.binding
	return info
}

// TestRunLinear measures the products of a small model and what is around them: each
// has its cost, the products have a sum, and what the device cannot bind is skipped.
func TestRunLinear(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	c := LinearConfig{
		Models:   []Model{{Name: "tiny", Layers: 3, Hidden: 64, FeedForward: 96, Heads: 4, KVHeads: 2, HeadDim: 16, Vocab: 200, Bias: true}},
		Chunk:    5,
		Cache:    kernels.CacheF16,
		Ceilings: Ceilings{Read: 1e10},
	}
	rows, err := RunLinear(t.Context(), dev, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4*(6+3+5+1)+3+2 {
		t.Fatalf("%d rows, expected 4 types of weights with 6 and 3 for a token and 5 and 1 for a chunk, and 3 and 2 without weights", len(rows))
	}
	const q8 = 64 + 64/32*2 // bytes of a row of 64
	bytesOf, inSum := map[string]int64{
		"norm, qkv, bias": 3 * (128*q8 + 4*(64+64+128+128)), "norm, gate_up, swiglu": 3 * (192*q8 + 4*(64+64+96)),
		"embed": 4 + q8 + 4*64, "rms_norm": 4 * 3 * 64, "kv_append": 3 * 2 * 32 * (4 + 2), "argmax": 4 * 200,
		"embed of 5": 5 * (4 + q8 + 4*64), "rms_norm of 5": 6 * 4 * (2*5 + 1) * 64, "kv_append of 5": 3 * 5 * 2 * 32 * (4 + 2),
	}, true
	var bytes, operations int64
	for _, r := range rows {
		if r.US <= 0 || r.Share <= 0 || r.Skipped != "" {
			t.Errorf("%+v", r)
		}
		if r.Name == "all" {
			if r.Bytes != bytes || r.Operations != operations {
				t.Errorf("%d bytes and %d operations in all, expected %d and %d", r.Bytes, r.Operations, bytes, operations)
			}
			bytes, operations, inSum = 0, 0, false
			continue
		}
		if inSum = inSum || r.Name == "qkv"; !inSum {
			name := r.Name
			if r.Tokens > 1 {
				name = fmt.Sprint(name, " of ", r.Tokens)
			}
			if want, ok := bytesOf[name]; !ok || r.Bytes != want && (r.Type == "q8_0" || r.Type == "") {
				t.Errorf("%s, %s: %d bytes, expected %d", name, r.Type, r.Bytes, want)
			}
			continue
		}
		bytes, operations = bytes+r.Bytes, operations+r.Operations
		if r.Name == "qkv" && r.Tokens == 5 && r.Type == "q8_0" {
			// 128 rows of 64 with a scale of two bytes for 32, in three layers.
			if want := int64(3 * (128*64 + 128*64/32*2 + 4*5*(128+64))); r.Bytes != want || r.Operations != 3*2*5*128*64 {
				t.Errorf("%+v, expected %d bytes", r, want)
			}
		}
	}
	var out strings.Builder
	if err := PrintLinear(&out, c.Ceilings, rows, true); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "| qkv 128 x 64 | 3 |"); n != 8 {
		t.Errorf("%d rows for qkv in\n%s", n, &out)
	}

	for _, want := range []string{"| decode | q8_0 | norm, qkv, bias 128 x 64 | 3 |", "| chunk of 5 |  | rms_norm | 6 |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}

	rows, err = RunLinear(t.Context(), limited{dev, 100}, c)
	if err != nil || rows[0].Skipped == "" || rows[0].Share != 0 || rows[5].Skipped == "" {
		t.Errorf("%+v, %v, expected rows of 64 bytes to be more than half of what is bound", rows, err)
	}
	rows, err = RunLinear(t.Context(), limited{dev, 1 << 12}, c)
	if err != nil || rows[0].Skipped != "" {
		t.Errorf("%+v, %v, expected qkv in shards", rows, err)
	}
	if n := dev.Buffers(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
}
