package engine_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
)

// exact is a type that holds all of a checkpoint's matrices.
func exact(t *testing.T, ckpt *weights.Model) weights.Type {
	t.Helper()
	for _, kind := range []weights.Type{weights.F32, weights.F16, weights.BF16} {
		if strings.HasPrefix(ckpt.Quantisation, kind.String()) {
			return kind
		}
	}
	t.Fatalf("%s, expected floats", ckpt.Quantisation)
	return 0
}

// asGGUF is a checkpoint written to GGUF and read again.
func asGGUF(t *testing.T, ckpt *weights.Model) *weights.Model {
	t.Helper()
	var b bytes.Buffer
	if err := weights.WriteGGUF(&b, ckpt, exact(t, ckpt)); err != nil {
		t.Fatal(err)
	}
	m, err := weights.ParseGGUF("converted", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// asFolder is a checkpoint written to a folder of Hugging Face's and read again.
func asFolder(t *testing.T, ckpt *weights.Model) *weights.Model {
	t.Helper()
	kind := exact(t, ckpt)
	files, err := ckpt.FolderFiles(kind)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := weights.WriteSafetensors(&b, ckpt, kind); err != nil {
		t.Fatal(err)
	}
	files["model.safetensors"] = b.Bytes()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := weights.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestTinyModelsFolder writes each as GGUF, what is read of that as a folder of Hugging
// Face's, and reads that.
func TestTinyModelsFolder(t *testing.T) {
	tinyModels(t, cpu(t, cpudev.Options{}), func(t *testing.T, m *weights.Model) *weights.Model {
		as := *m
		as.Config.FreqFactors = nil // of roundFrequencies, which config.json has no field for
		back := asFolder(t, asGGUF(t, &as))
		if back.Config.RopeScaling != nil {
			back.Config.FreqFactors = m.Config.FreqFactors
		}
		return back
	})
}

// story is what llama2.c's own tests expect of stories260K at temperature 0 after
// BOS, of 200 tokens.
const story = "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n" +
	"Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. She said, \"I want to play with your ball, but I can't find it.\"\n" +
	"Lily was sad and didn't know what to do. She said, \"I'm sorry, Lily. I didn't know what to do.\"\nLily didn't want to help her mom, so she"

// TestStories has llama2.c's checkpoint tell its story, as it is and by way of GGUF.
func TestStories(t *testing.T) {
	dir := filepath.Join(shared(t), "models", "stories260k")
	ckpt, err := weights.Open(filepath.Join(dir, "stories260K.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	raw, err := os.ReadFile(filepath.Join(dir, "tok512.bin"))
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	for raw = raw[4:]; len(raw) > 0; {
		n := binary.LittleEndian.Uint32(raw[4:])
		tokens = append(tokens, string(raw[8:8+n]))
		raw = raw[8+n:]
	}
	for _, ckpt := range []*weights.Model{ckpt, asGGUF(t, ckpt)} {
		e, err := engine.New(cpu(t, cpudev.Options{}), ckpt, engine.Options{Cache: "f32"})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		cfg := selection.Default(ckpt.Config.Context)
		cfg.Policy = selection.Dense
		s := session(t, e, 300, cfg)
		prefill(t, s, []int{1})
		text := ""
		for _, id := range generate(t, s, 200) {
			if b := tokens[id]; strings.HasPrefix(b, "<0x") {
				text += map[string]string{"<0x0A>": "\n"}[b]
			} else {
				text += b
			}
		}
		if text = strings.TrimPrefix(text, " "); text != story {
			t.Errorf("%q, expected %q", text, story)
		}
	}
}

// TestClosed: an engine goes on without the files that its weights came from.
func TestClosed(t *testing.T) {
	ckpt, err := weights.Open(filepath.Join("testdata", "tiny-models", "qwen3-qknorm"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(cpu(t, cpudev.Options{}), ckpt, engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := ckpt.Close(); err != nil {
		t.Fatal(err)
	}
	if err := ckpt.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	s := session(t, e, 100, selection.Default(ckpt.Config.Context))
	if err := s.Prefill(context.Background(), []int{1, 2, 3}, nil); err != nil {
		t.Fatal(err)
	}
	if ids := generate(t, s, 5); len(ids) != 5 {
		t.Errorf("%v, expected 5 tokens", ids)
	}
}
