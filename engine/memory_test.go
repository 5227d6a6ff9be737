package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
)

// TestMemory: the estimate is what a full session takes.
func TestMemory(t *testing.T) {
	dev := &counting{Device: cpudev.New(cpudev.Options{})}
	defer dev.Close()
	ckpt := tiny(t, "llama-untied")
	e, err := engine.New(dev, ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const length = 1500
	ids := prompt(length)
	for i := range ids {
		ids[i] %= ckpt.Config.Vocab
	}
	for _, p := range selection.Policies() {
		cfg := selection.Default(512)
		cfg.Policy = p
		before := dev.bytes
		s, err := e.NewSession(engine.SessionOptions{Context: length, Selection: cfg})
		if err != nil {
			t.Fatal(err)
		}
		prefill(t, s, ids)
		took := dev.bytes - before
		s.Close()
		m := e.Memory(length, cfg)
		want := m.Total() - m.Weights
		if took < want*95/100 || took > want*105/100 {
			t.Errorf("%s: took %d bytes, estimated %d", p, took, want)
		}
	}
}

// tiny is a random checkpoint, as it is or written as GGUF of a type.
func tiny(t *testing.T, name string, as ...weights.Type) *weights.Model {
	t.Helper()
	m, err := weights.Open(filepath.Join("testdata", "tiny-models", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range as {
		var file bytes.Buffer
		if err := weights.WriteGGUF(&file, m, kind); err != nil {
			t.Fatal(err)
		}
		if m, err = weights.ParseGGUF(name, file.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// TestEstimate: what is said before a model is loaded is what it and a session take,
// whatever its weights are stored as and however many pieces the device binds.
func TestEstimate(t *testing.T) {
	const length = 300
	for _, ckpt := range []*weights.Model{
		checkpoint(t), tiny(t, "llama-untied"), tiny(t, "qwen2-bias"), tiny(t, "qwen3-qknorm"), tiny(t, "mistral-window"), tiny(t, "llama-untied", weights.Q8_0),
		randomModel(t, architectures[0]), randomModel(t, architectures[2]),
	} {
		for _, binding := range []int{1 << 30, 4 << 20} {
			for _, policy := range []selection.Policy{selection.Dense, selection.TokenSelect} {
				dev := &limited{counting: counting{Device: cpudev.New(cpudev.Options{})}, limits: gpu.Limits{Buffer: 2 * binding, Binding: binding, Memory: 1 << 40}}
				cfg := selection.Config{Policy: policy, NInit: 4, NLocal: 64, K: 64, Chunk: 100}
				want, err := engine.Estimate(ckpt, length, dev.Info(), engine.Options{}, cfg)
				if err != nil {
					t.Fatal(err)
				}
				e, err := engine.New(dev, ckpt, engine.Options{Context: length, Selection: cfg})
				if err != nil {
					t.Fatal(err)
				}
				if dev.bytes != want.Weights || e.Memory(length, cfg) != want {
					t.Errorf("%s: weights take %d bytes, estimated %d; %+v once loaded, %+v before", ckpt.Path, dev.bytes, want.Weights, e.Memory(length, cfg), want)
				}
				s := session(t, e, length, cfg)
				ids := prompt(length)
				for i := range ids {
					ids[i] %= ckpt.Config.Vocab
				}
				prefill(t, s, ids)
				if total := want.Total(); dev.bytes < total*98/100 || dev.bytes > total*102/100 {
					t.Errorf("%s, %s: took %d bytes, estimated %d", ckpt.Path, policy, dev.bytes, total)
				}
				if dev.err != nil {
					t.Errorf("%s: %v", ckpt.Path, dev.err)
				}
				s.Close()
				e.Close()
				dev.Close()
			}
		}
	}
}

// TestRefusedBeforeLoading: what cannot fit takes nothing, and is told in numbers.
func TestRefusedBeforeLoading(t *testing.T) {
	ckpt := tiny(t, "llama-untied")
	cfg := selection.Default(512)
	for _, c := range []struct {
		name    string
		limits  gpu.Limits
		context int
		is      error
		want    []string
	}{
		{"weights", gpu.Limits{Buffer: 1 << 40, Binding: 1 << 40, Memory: 1 << 20}, 0, gpu.ErrOutOfMemory, []string{"weights 4.5 MiB", "1.0 MiB free"}},
		{"context", gpu.Limits{Buffer: 1 << 40, Binding: 1 << 40, Memory: 10 << 20}, 1 << 20, gpu.ErrOutOfMemory, []string{"keys and values 768.0 MiB", "10.0 MiB free"}},
		{"a layer's keys", gpu.Limits{Buffer: 1 << 40, Binding: 1 << 20, Memory: 1 << 40}, 10000, gpu.ErrLimit, []string{"a layer in a context of 10000 tokens takes 1280000 bytes", "can bind 1048576"}},
		{"a layer's keys as one buffer", gpu.Limits{Buffer: 1 << 20, Binding: 1 << 40}, 10000, gpu.ErrLimit, []string{"can bind 1048576"}},
		{"activations", gpu.Limits{Buffer: 1 << 40, Binding: 220_000}, 100, gpu.ErrLimit, []string{"a step of 64 tokens takes 221184 bytes at once", "can bind 220000"}},
		{"rows", gpu.Limits{Buffer: 400, Binding: 1 << 40}, 0, gpu.ErrLimit, []string{"rows of 256 bytes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dev := &limited{counting: counting{Device: cpudev.New(cpudev.Options{})}, limits: c.limits}
			defer dev.Close()
			_, err := engine.New(dev, ckpt, engine.Options{Context: c.context, Selection: cfg})
			if !errors.Is(err, c.is) || dev.made != 0 {
				t.Fatalf("%v with %d buffers made, expected %v with none", err, dev.made, c.is)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, expected it to say %q", err, want)
				}
			}
		})
	}
	big := *ckpt
	big.Config.HeadDim = 256
	if _, err := engine.New(cpu(t, cpudev.Options{}), &big, engine.Options{}); err == nil || !strings.Contains(err.Error(), "heads of size 256, expected") {
		t.Errorf("%v, expected heads of 256 refused", err)
	}
}

// TestSmallBindings: embeddings and heads lie in as many pieces as a device that binds
// little needs, and nothing differs.
func TestSmallBindings(t *testing.T) {
	var cases []tinyGolden
	readJSON(t, filepath.Join("testdata", "tiny-models", "golden.json"), &cases)
	at := slices.IndexFunc(cases, func(c tinyGolden) bool { return c.Model == "llama-untied" })
	for _, c := range []struct {
		ckpt    *weights.Model
		binding int
		pieces  int // of the embeddings
	}{{tiny(t, "llama-untied"), 400_001, 6}, {tiny(t, "llama-untied", weights.Q8_0), 400_001, 2}} {
		t.Run(c.ckpt.Quantisation, func(t *testing.T) {
			dev := &limited{counting: counting{Device: cpudev.New(cpudev.Options{})}, limits: gpu.Limits{Buffer: 2 * c.binding, Binding: c.binding}}
			defer dev.Close()
			e, err := engine.New(dev, c.ckpt, engine.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			for _, label := range []string{"model.embed_tokens.weight", "lm_head.weight"} {
				if dev.labels[label] != c.pieces {
					t.Errorf("%s lies in %d pieces, expected %d", label, dev.labels[label], c.pieces)
				}
			}
			if c.ckpt.Quantisation == "F32" {
				cases[at].run(t, e)
			} else {
				whole, err := engine.New(cpu(t, cpudev.Options{}), c.ckpt, engine.Options{})
				if err != nil {
					t.Fatal(err)
				}
				defer whole.Close()
				var got [2][]int
				for i, e := range []*engine.Engine{e, whole} {
					s := session(t, e, 200, dense(e))
					prefill(t, s, cases[at].PromptIDs[:100])
					got[i] = generate(t, s, 30)
				}
				if !slices.Equal(got[0], got[1]) {
					t.Errorf("in pieces %v, whole %v", got[0], got[1])
				}
			}
			if dev.err != nil {
				t.Error(dev.err)
			}
		})
	}
}

// counting is a device that counts the bytes of its buffers.
type counting struct {
	*cpudev.Device
	bytes int64
}

func (d *counting) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	d.bytes += int64(size)
	return d.Device.NewBuffer(label, size)
}

func (d *counting) Free(b *gpu.Buffer) {
	d.bytes -= int64(b.Size)
	d.Device.Free(b)
}

// limited is one that has limits, and notes what goes beyond them.
type limited struct {
	counting
	limits gpu.Limits
	made   int
	labels map[string]int
	err    error
}

func (d *limited) Info() gpu.Info {
	info := d.Device.Info()
	info.Limits = d.limits
	return info
}

func (d *limited) NewBuffer(label string, size int) (*gpu.Buffer, error) {
	if d.labels == nil {
		d.labels = map[string]int{}
	}
	d.made++
	d.labels[label]++
	if size > d.limits.Buffer {
		d.err = fmt.Errorf("buffer %s of %d bytes, expected at most %d", label, size, d.limits.Buffer)
	}
	return d.counting.NewBuffer(label, size)
}

func (d *limited) Submit(r *gpu.Recording) error {
	for _, c := range r.Commands() {
		for _, of := range c.Ranges {
			if of.Size > d.limits.Binding {
				d.err = fmt.Errorf("kernel %s binds %d bytes of %s, expected at most %d", c.Kernel.Name, of.Size, of.Buffer.Label, d.limits.Binding)
			}
		}
	}
	return d.Device.Submit(r)
}

var _ gpu.Device = (*limited)(nil)

// TestSessionBeyondMemory: a session that would not fit beside the weights is refused
// when it is asked for.
func TestSessionBeyondMemory(t *testing.T) {
	dev := &limited{counting: counting{Device: cpudev.New(cpudev.Options{})}, limits: gpu.Limits{Buffer: 1 << 40, Binding: 1 << 40, Memory: 12 << 20}}
	defer dev.Close()
	e, err := engine.New(dev, tiny(t, "llama-untied"), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	cfg := selection.Default(512)
	if _, err := e.NewSession(engine.SessionOptions{Context: 1 << 20, Selection: cfg}); !errors.Is(err, gpu.ErrOutOfMemory) {
		t.Errorf("a million tokens: %v, expected it to be out of memory", err)
	}
	s, err := e.NewSession(engine.SessionOptions{Context: 1000, Selection: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Prefill(context.Background(), prompt(10), nil); err != nil {
		t.Error(err)
	}
}
