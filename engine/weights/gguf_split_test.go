package weights

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// stored is a GGUF file of tensors as they are stored, under GGUF's names; meta
// writes its metadata.
func stored(t testing.TB, tensors []output, meta func(g *ggufWriter)) []byte {
	t.Helper()
	var g, file ggufWriter
	meta(&g)
	file.buf = append(file.buf, ggufMagic...)
	file.u32(3)
	file.u64(uint64(len(tensors)))
	file.u64(uint64(g.pairs))
	file.buf = append(file.buf, g.buf...)
	var body []byte
	for _, x := range tensors {
		loaded, err := x.Load()
		if err != nil {
			t.Fatal(err)
		}
		file.string(x.to)
		file.u32(uint32(len(x.Shape)))
		for _, d := range slices.Backward(x.Shape) {
			file.u64(uint64(d))
		}
		file.u32(x.Type.ggufNumber())
		body = pad(body)
		file.u64(uint64(len(body)))
		body = append(body, loaded.Data...)
	}
	return append(pad(file.buf), body...)
}

// tensorsOf are those of a model under GGUF's names.
func tensorsOf(t testing.TB, m *Model) []output {
	t.Helper()
	tensors, err := m.ggufTensors(F16)
	if err != nil {
		t.Fatal(err)
	}
	return tensors
}

// quantised is a model whose matrices are random blocks of a type.
func quantised(arch string, kind Type) *Model {
	c := small(arch)
	c.Hidden, c.FeedForward, c.Heads, c.KVHeads, c.HeadDim, c.Vocab = 256, 512, 4, 2, 64, 5
	m, rng := random(c), rand.New(rand.NewPCG(21, 22))
	for name, x := range m.Tensors {
		if len(x.Shape) == 2 {
			x.Type, x.Data = kind, randomBlocksOf(rng, kind, x.Shape[0]*x.Shape[1]/formats[kind].block)
			m.Tensors[name] = x
		}
	}
	return m
}

// TestGGUFBlocks reads files of every type in blocks, from memory and as they are
// needed: the values are the model's, also of q and k, whose rows change places,
// and of any rows.
func TestGGUFBlocks(t *testing.T) {
	for _, kind := range blockTypes {
		for _, arch := range []string{"llama", "qwen2"} {
			t.Run(kind.String()+"/"+arch, func(t *testing.T) {
				m := quantised(arch, kind)
				data := stored(t, tensorsOf(t, m), func(g *ggufWriter) { m.putMeta(g, 0) })
				eager, err := ParseGGUF("m", data)
				if err != nil {
					t.Fatal(err)
				}
				lazy, err := OpenGGUF("m", bytes.NewReader(data), int64(len(data)), nil)
				if err != nil {
					t.Fatal(err)
				}
				same(t, eager, m)
				same(t, lazy, m)
				if eager.Quantisation != kind.String() || lazy.Bytes != eager.Bytes {
					t.Errorf("%s and %d bytes, expected %v and %d", eager.Quantisation, lazy.Bytes, kind, eager.Bytes)
				}
				const q = "model.layers.1.self_attn.q_proj.weight"
				whole, err := lazy.Tensors[q].Float32()
				if err != nil {
					t.Fatal(err)
				}
				for lo := 0; lo < 256; lo += 37 {
					hi := min(lo+37, 256)
					some, err := lazy.Tensors[q].Rows(lo, hi)
					if err != nil {
						t.Fatal(err)
					}
					v, err := some.Float32()
					if err != nil || !slices.Equal(v, whole[256*lo:256*hi]) {
						t.Errorf("rows %d to %d are others (%v)", lo, hi, err)
					}
				}
			})
		}
	}
}

// splitFiles cuts a model into n files as gguf-split does; the first has no tensors.
// change may spoil the metadata and the tensors of part i.
func splitFiles(t testing.TB, m *Model, n int, change func(i int, tensors *[]output, g *ggufWriter) bool) [][]byte {
	t.Helper()
	all := tensorsOf(t, m)
	files := make([][]byte, n)
	for i := range files {
		var own []output
		if i > 0 {
			own = slices.Clone(all[len(all)*(i-1)/(n-1) : len(all)*i/(n-1)])
		}
		var extra ggufWriter
		whole := change == nil || !change(i, &own, &extra)
		files[i] = stored(t, own, func(g *ggufWriter) {
			if i == 0 {
				m.putMeta(g, 1)
			}
			g.pairs += extra.pairs
			g.buf = append(g.buf, extra.buf...)
			if whole {
				g.putInt(splitNumber, i)
				g.putInt(splitCount, n)
				g.putInt(splitTensors, len(all))
			}
		})
	}
	return files
}

// TestSplitGGUF: the files of a checkpoint, in any order and whichever of them is
// named, are the same as one.
func TestSplitGGUF(t *testing.T) {
	m := random(small("llama"))
	m.Tokenizer = vocabulary()
	files := splitFiles(t, m, 3, nil)
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1, 2, 0}} {
		got, err := ParseGGUFParts("m", files[order[0]], files[order[1]], files[order[2]])
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, m)
		spec := *m.Tokenizer
		spec.Name = "m"
		if !reflect.DeepEqual(got.Config, m.Config) || !reflect.DeepEqual(*got.Tokenizer, spec) {
			t.Errorf("%+v and %+v, expected %+v and %+v", got.Config, got.Tokenizer, m.Config, spec)
		}
		parts := make([]Part, 3)
		for i, from := range order {
			parts[i] = Part{Name: "part", R: bytes.NewReader(files[from]), Size: int64(len(files[from])), Blob: from}
		}
		lazy, err := OpenGGUFParts("m", parts...)
		if err != nil {
			t.Fatal(err)
		}
		same(t, lazy, m)
		if blob := lazy.Tensors["model.norm.weight"].File.Blob; blob != 2 {
			t.Errorf("the last tensor is in blob %v, expected 2", blob)
		}
	}
	names := []string{"m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"}
	dir := folder(t, map[string]any{names[0]: files[0], names[1]: files[1], names[2]: files[2]})
	for _, name := range names {
		got, err := Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, m)
		if err := got.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestSplitGGUFRefuses: parts that are missing, of another checkpoint, or there twice.
func TestSplitGGUFRefuses(t *testing.T) {
	m := random(small("llama"))
	good := splitFiles(t, m, 3, nil)
	change := func(f func(i int, tensors *[]output, g *ggufWriter) bool) [][]byte { return splitFiles(t, m, 3, f) }
	all := tensorsOf(t, m)
	for _, c := range []struct {
		name  string
		parts [][]byte
		want  []string
	}{
		{"none", nil, []string{"no files"}},
		{"the last is missing", good[:2], []string{"part 3 of 3 is missing"}},
		{"only the first", good[:1], []string{"part 2 of 3 is missing"}},
		{"only the last", good[2:], []string{"part 1 of 3 is missing"}},
		{"one twice", [][]byte{good[0], good[1], good[1]}, []string{"file 2 of 3", "file 3 of 3", "both part 2 of 3"}},
		{"of another count", [][]byte{good[0], good[1], splitFiles(t, m, 4, nil)[2]}, []string{"file 3 of 3", "split.count is 4, expected 3"}},
		{"a whole file among them", [][]byte{good[0], good[1], gguf(t, m, F16)}, []string{"file 3 of 3", "split.count is 1, expected 3"}},
		{"a number beyond the count", change(func(i int, _ *[]output, g *ggufWriter) bool {
			g.putInt(splitNumber, i+1)
			g.putInt(splitCount, 3)
			return true
		}), []string{"split.no is 3", "split.count, which is 3"}},
		{"a count without end", change(func(i int, _ *[]output, g *ggufWriter) bool { g.putInt(splitCount, 1<<30); return true }), []string{"split.count is 1073741824"}},
		{"a number that is none", change(func(i int, _ *[]output, g *ggufWriter) bool { g.putText(splitNumber, "x"); return true }), []string{"split.no is x"}},
		{"a tensor twice", change(func(i int, own *[]output, _ *ggufWriter) bool {
			if i == 2 {
				*own = append(*own, all[0])
			}
			return false
		}), []string{"token_embd.weight is in both", "file 2 of 3", "file 3 of 3"}},
		{"a tensor less", change(func(i int, own *[]output, _ *ggufWriter) bool {
			if i == 2 {
				*own = (*own)[1:]
			}
			return false
		}), []string{"split.tensors.count is", "tensors of all parts"}},
		{"cut short", [][]byte{good[0], good[1][:len(good[1])-9], good[2]}, []string{"file 2 of 3", "cut short"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseGGUFParts("bad", c.parts...)
			refused(t, err, append(c.want, "weights: bad")...)
		})
	}
	named := func(files [][]byte, names ...string) error {
		var parts []Part
		for i, name := range names {
			parts = append(parts, Part{Name: name, R: bytes.NewReader(files[i]), Size: int64(len(files[i]))})
		}
		_, err := OpenGGUFParts("bad", parts...)
		return err
	}
	if err := named(good, "m-00001-of-00003.gguf", "renamed.gguf", "m-00003-of-00003.gguf"); err != nil {
		t.Errorf("%v, of a part with a name that says nothing", err)
	}
	refused(t, named(good, "m-00001-of-00003.gguf", "m-00003-of-00003.gguf", "m-00002-of-00003.gguf"), "m-00003-of-00003.gguf is part 3 by its name, part 2 by its header (metadata key split.no is 1)")
	refused(t, named(good, "m-00001-of-00003.gguf", "other-00002-of-00003.gguf", "m-00003-of-00003.gguf"), "m-00001-of-00003.gguf and other-00002-of-00003.gguf are parts of different checkpoints")
	dir := folder(t, map[string]any{"m-00001-of-00003.gguf": good[0], "m-00003-of-00003.gguf": good[2], "renamed.gguf": good[0], "m-00004-of-00003.gguf": good[0]})
	_, err := Open(filepath.Join(dir, "m-00001-of-00003.gguf"))
	refused(t, err, "one of 3 files of a checkpoint", "m-00002-of-00003.gguf")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, expected it to be an error of an absent file", err)
	}
	for _, name := range []string{"renamed.gguf", "m-00004-of-00003.gguf"} {
		_, err = Open(filepath.Join(dir, name))
		refused(t, err, name, "one of 3 files", "ends in -00001-of-00003.gguf")
	}
}

func FuzzSplitGGUF(f *testing.F) {
	m := seed("llama", 4)
	files := splitFiles(f, m, 2, nil)
	f.Add(files[0], files[1])
	f.Add(files[1], files[0])
	m.Tokenizer = vocabulary()
	files = splitFiles(f, m, 2, nil)
	f.Add(files[0], files[1])
	f.Fuzz(func(t *testing.T, a, b []byte) {
		got, err := ParseGGUFParts("fuzz", a, b)
		if err != nil {
			return
		}
		if err := got.check(); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		lazy, err := OpenGGUFParts("fuzz", Part{"a", bytes.NewReader(a), int64(len(a)), nil}, Part{"b", bytes.NewReader(b), int64(len(b)), nil})
		if err != nil {
			t.Fatalf("accepted in memory, but %v", err)
		}
		if len(lazy.Tensors) != len(got.Tensors) {
			t.Fatalf("%d tensors in memory, %d in files", len(got.Tensors), len(lazy.Tensors))
		}
	})
}
