package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
	"tokenselect/engine/tokenizer"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

// TestAgreementWGPU holds the GPU against the CPU device on prompts that no
// golden file has.
func TestAgreementWGPU(t *testing.T) {
	agreement(t, wgpu.For(t))
}

// prompts are short texts of sentences in random order, as ids.
func prompts(t *testing.T, n int) [][]int {
	t.Helper()
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.New(*ckpt.Tokenizer)
	if err != nil {
		t.Fatal(err)
	}
	var documents []struct{ Document string }
	readGolden(t, "documents.json", &documents)
	sentences := strings.SplitAfter(documents[len(documents)-1].Document, ". ")
	rng := rand.New(rand.NewPCG(1, 20))
	list := make([][]int, n)
	for i := range list {
		for want := 72 + rng.IntN(40); len(list[i]) < want; {
			list[i] = append(list[i], tok.Encode(sentences[rng.IntN(len(sentences))], false)...)
		}
	}
	return list
}

// agreement lets dev and the CPU device read and continue short prompts, both
// with the cache as dev has it by default, and compares ids and selections.
func agreement(t *testing.T, dev gpu.Device) {
	cpu := cpudev.New(cpudev.Options{})
	t.Cleanup(cpu.Close)
	engines := []*engine.Engine{onDevice(t, cpu, "f16"), onDevice(t, dev, "f16")}
	cfg := selection.Config{Policy: selection.TokenSelect, NInit: 4, K: 16, NLocal: 16, Chunk: 32, Theta: 0.9}
	wrong, v := 0, verdict{}
	var parted []int // the first prompt that is taken otherwise
	count := 20
	if fewGoldens {
		count = 3
	}
	for i, ids := range prompts(t, count) {
		var got [2][]int
		var chosen [2][]selection.Chosen
		for j, e := range engines {
			got[j], chosen[j] = continued(t, e, cfg, ids)
		}
		where := fmt.Sprintf("prompt %d of %d tokens", i, len(ids))
		if !slices.Equal(got[0], got[1]) {
			wrong++
			t.Logf("%s: ids %v, expected %v", where, got[1], got[0])
		}
		var want []goldenLayer
		for _, c := range chosen[0] {
			want = append(want, goldenLayer{Rows: c.Rows})
		}
		v.compare(where, chosen[1], want)
		if parted == nil && (wrong > 0 || len(v.strict) > 0) {
			parted = ids
		}
	}
	mean, least := stats(v.jaccards)
	t.Logf("%d prompts, ids of %d differ; %d selections compared, Jaccard mean %.4f, least %.4f", count, wrong, len(v.jaccards), mean, least)
	if wrong > 1 || mean < 0.99 || least < 0.75 {
		t.Errorf("expected ids of at most 1 to differ, a mean of 0.99 and 0.75 at least (2 rows of 16)")
		explain(t, engines[1], reading{cfg, parted})
	}
}

// continued is what an engine makes of a prompt: the next tokens, and what each
// layer chose for the prompt's last chunk.
func continued(t *testing.T, e *engine.Engine, cfg selection.Config, ids []int) ([]int, []selection.Chosen) {
	t.Helper()
	ctx := context.Background()
	s, err := e.NewSession(engine.SessionOptions{Context: 512, Selection: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Prefill(ctx, ids, nil); err != nil {
		t.Fatal(err)
	}
	chosen, err := s.Chosen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	chosen = slices.Clone(chosen)
	for i := range chosen {
		chosen[i].Rows = slices.Clone(chosen[i].Rows)
	}
	tokens := 2
	if everyGolden {
		tokens = 16
	}
	res, err := s.Generate(ctx, engine.GenerateOptions{MaxTokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	return res.IDs, chosen
}
