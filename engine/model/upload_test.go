package model

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tokenselect/engine/f16"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
	"tokenselect/engine/weights"
)

// blockSizes are the values and bytes of a block, and where its float16 scales are.
var blockSizes = map[weights.Type]struct {
	values, bytes int
	halves        []int
}{
	weights.Q8_0: {32, 34, []int{0}}, weights.Q4_0: {32, 18, []int{0}}, weights.Q4_1: {32, 20, []int{0, 2}}, weights.Q5_0: {32, 22, []int{0}},
	weights.Q5_1: {32, 24, []int{0, 2}}, weights.Q4_K: {256, 144, []int{0, 2}}, weights.Q5_K: {256, 176, []int{0, 2}}, weights.Q6_K: {256, 210, []int{208}},
}

// blocks is a matrix of random blocks with scales of ordinary size.
func blocks(rng *rand.Rand, name string, kind weights.Type, shape []int) weights.Tensor {
	f := blockSizes[kind]
	data := make([]byte, shape[0]*shape[1]/f.values*f.bytes)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	for b := 0; b < len(data); b += f.bytes {
		for _, at := range f.halves {
			binary.LittleEndian.PutUint16(data[b+at:], f16.FromFloat32(float32(0.001+0.01*rng.Float64())))
		}
	}
	return weights.Tensor{Name: name, Type: kind, Shape: shape, Data: data}
}

// read is what a device has of a weight, as numbers.
func read(t *testing.T, dev gpu.Device, w kernels.Weight) (all []float32) {
	t.Helper()
	for _, s := range w.Shards {
		data, scale := make([]byte, s.Data.Size), make([]byte, s.Scale.Size)
		if err := dev.Read(context.Background(), s.Data.Buffer, s.Data.Offset, data); err != nil {
			t.Fatal(err)
		}
		if err := dev.Read(context.Background(), s.Scale.Buffer, s.Scale.Offset, scale); err != nil {
			t.Fatal(err)
		}
		half := func(i int) float32 { return f16.ToFloat32(binary.LittleEndian.Uint16(scale[2*i:])) }
		for i := range s.Rows * w.Cols {
			b, j := i/32, i%32
			nibble := func() int { return int(data[b*16+j%16] >> (j / 16 * 4) & 15) }
			switch w.Type {
			case kernels.Q8_0:
				all = append(all, half(b)*float32(int8(data[i])))
			case kernels.Q4_0:
				all = append(all, half(b)*float32(nibble()-8))
			case kernels.Q4_1:
				all = append(all, half(2*b)*float32(nibble())+half(2*b+1))
			default:
				t.Fatalf("kept as %v, expected blocks", w.Type)
			}
		}
	}
	return all
}

// TestUploadBlocks: each type is kept as it should be, also several of them in one
// matrix, and what the device has is what the file says as nearly as that allows.
func TestUploadBlocks(t *testing.T) {
	c := weights.Config{Architecture: "qwen3", Name: "mixed", Layers: 1, Hidden: 256, FeedForward: 512, Heads: 4, KVHeads: 2, HeadDim: 64,
		Vocab: 40, Context: 128, NormEps: 1e-5, RopeTheta: 1e4, QKNorm: true}
	random, err := weights.Random(c, weights.Q8_0, 1)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]weights.Type{
		"embed_tokens": weights.Q4_K, "lm_head": weights.Q6_K, "q_proj": weights.Q4_K, "k_proj": weights.Q4_1, "v_proj": weights.Q6_K,
		"o_proj": weights.Q5_0, "gate_proj": weights.Q4_K, "up_proj": weights.Q4_1, "down_proj": weights.Q4_0,
	}
	rng := rand.New(rand.NewPCG(1, 2))
	tensors := map[string]weights.Tensor{}
	for name, x := range random.Tensors {
		for part, kind := range kinds {
			if strings.Contains(name, part) {
				x = blocks(rng, name, kind, x.Shape)
			}
		}
		tensors[name] = x
	}
	ckpt := *random
	ckpt.Tensors = tensors
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	m, err := Load(dev, &ckpt)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	const p = "model.layers.0."
	l := m.layers[0]
	for _, w := range []struct {
		weight kernels.Weight
		kept   kernels.WeightType
		exact  bool
		names  []string
	}{
		{m.embed, kernels.Q4_1, false, []string{"model.embed_tokens.weight"}},
		{m.head, kernels.Q8_0, false, []string{"lm_head.weight"}},
		{l.qkv, kernels.Q8_0, false, []string{p + "self_attn.q_proj.weight", p + "self_attn.k_proj.weight", p + "self_attn.v_proj.weight"}},
		{l.o, kernels.Q8_0, true, []string{p + "self_attn.o_proj.weight"}},
		{l.gateUp, kernels.Q4_1, false, []string{p + "mlp.gate_proj.weight", p + "mlp.up_proj.weight"}},
		{l.down, kernels.Q4_0, true, []string{p + "mlp.down_proj.weight"}},
	} {
		if w.weight.Type != w.kept {
			t.Errorf("%v: kept as %v, expected %v", w.names, w.weight.Type, w.kept)
			continue
		}
		var want []float32
		for _, n := range w.names {
			v, err := tensors[n].Float32()
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, v...)
		}
		got := read(t, dev, w.weight)
		if len(got) != len(want) {
			t.Fatalf("%v: %d values, expected %d", w.names, len(got), len(want))
		}
		for b := 0; b < len(want); b += 32 {
			top := 0.0
			for _, v := range want[b : b+32] {
				top = max(top, math.Abs(float64(v)))
			}
			limit := 0.0045 * top // half a step of 127, and the scale's rounding
			if w.exact {
				limit = 0
			}
			for i := b; i < b+32; i++ {
				if math.Abs(float64(got[i]-want[i])) > limit {
					t.Fatalf("%v: value %d is %v, expected %v within %g", w.names, i, got[i], want[i], limit)
				}
			}
		}
	}
	bad := tensors["lm_head.weight"]
	binary.LittleEndian.PutUint16(bad.Data[3*210+208:], 0x7c00)
	bad.Data = append([]byte(nil), bad.Data...)
	if _, err := Load(dev, &ckpt); err == nil || !strings.Contains(err.Error(), "lm_head.weight: the scale of block") {
		t.Errorf("%v, expected a scale of lm_head.weight", err)
	}
}
