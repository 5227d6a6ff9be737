package hub

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseName(t *testing.T) {
	for in, want := range map[string]struct {
		Name
		said string
	}{
		"a/b":                                    {Name{"a", "b", "", ""}, "a/b"},
		"a/b:q4_k_m":                             {Name{"a", "b", "", "q4_k_m"}, "a/b:Q4_K_M"},
		"a/b:fp16":                               {Name{"a", "b", "", "fp16"}, "a/b:F16"},
		"a/b/c/d.gguf":                           {Name{"a", "b", "", "c/d.gguf"}, "a/b/c/d.gguf"},
		"a/b/*Q8_0.gguf":                         {Name{"a", "b", "", "*Q8_0.gguf"}, "a/b/*Q8_0.gguf"},
		"a/b/Q8_0":                               {Name{"a", "b", "", "Q8_0"}, "a/b:Q8_0"},
		"a/b@main":                               {Name{"a", "b", "", ""}, "a/b"},
		"a/b@v1.0:Q8_0":                          {Name{"a", "b", "v1.0", "Q8_0"}, "a/b@v1.0:Q8_0"},
		"a/b@refs%2Fpr%2F1/x.gguf":               {Name{"a", "b", "refs/pr/1", "x.gguf"}, "a/b@refs%2Fpr%2F1/x.gguf"},
		"hf.co/a/b:Q8_0":                         {Name{"a", "b", "", "Q8_0"}, "a/b:Q8_0"},
		"hf.co/a/b/x.gguf":                       {Name{"a", "b", "", "x.gguf"}, "a/b/x.gguf"},
		"hf://a/b":                               {Name{"a", "b", "", ""}, "a/b"},
		"https://huggingface.co/a/b":             {Name{"a", "b", "", ""}, "a/b"},
		"https://huggingface.co/a/b/":            {Name{"a", "b", "", ""}, "a/b"},
		"https://huggingface.co/a/b/tree/v2/sub": {Name{"a", "b", "v2", ""}, "a/b@v2"},
		"https://huggingface.co/a/b/discussions": {Name{"a", "b", "", ""}, "a/b"},
		"https://huggingface.co/a/b/blob/main/x%20y.gguf":              {Name{"a", "b", "", "x y.gguf"}, "a/b/x y.gguf"},
		"https://huggingface.co/a/b/resolve/main/x.gguf?download=true": {Name{"a", "b", "", "x.gguf"}, "a/b/x.gguf"},
	} {
		got, err := ParseName(in)
		if err != nil || got != want.Name || got.String() != want.said {
			t.Errorf("%s: %+v, %q (%v), expected %+v", in, got, got, err, want)
		}
	}
	for _, in := range []string{"", "a", "a/", "/a", "a//b", "../b", "a/..", "a/b..c", "a/b:", "a/b@", "a/b:Q8_0/c.gguf", "a b/c", "-a/b", "https://example.org/a/b", "hf.co/hf.co/b", "a./b", "a/b.",
		"a/b@x..y", "a/b@-x", "a/b@x y", "a/b@%zz", "a/" + strings.Repeat("b", 97), "ä/b", `a\b`} {
		if got, err := ParseName(in); err == nil {
			t.Errorf("%q is %+v, expected an error", in, got)
		} else if len(err.Error()) > 600 {
			t.Errorf("%q: an error of %d bytes", in, len(err.Error()))
		}
	}
}

func TestQuantisations(t *testing.T) {
	for path, want := range map[string]string{"m-Q8_0.gguf": "Q8_0", "m.q4_k_m.gguf": "Q4_K_M", "m-IQ4_XS.gguf": "IQ4_XS", "x/m-f16.gguf": "F16", "m-fp16.gguf": "F16",
		"m.BF16.gguf": "BF16", "m-UD-Q4_K_XL.gguf": "UD-Q4_K_XL", "Q6_K.gguf": "Q6_K", "m-Q4_0-00002-of-00003.gguf": "Q4_0", "m.gguf": "", "m-Q8.gguf": "Q8",
		"qwen2.5-1.5b.gguf": "", "m-Q4_0_4_8.gguf": "Q4_0_4_8", "m-MXFP4.gguf": "MXFP4"} {
		if got := quantOf(path); got != want {
			t.Errorf("%s: %q, expected %q", path, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	repo := func(paths ...string) *Repo {
		r := &Repo{Owner: "me", Name: "it"}
		for _, p := range paths {
			r.Files = append(r.Files, File{p, 1 << 20, Digest("sha256:" + strings.Repeat("0", 64))})
		}
		return r
	}
	many := repo("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-f16.gguf", "m-imatrix.gguf", "config.json", "model.safetensors")
	split := repo("b/m-Q8_0-00001-of-00002.gguf", "b/m-Q8_0-00002-of-00002.gguf", "m-UD-Q4_K_XL.gguf")
	torch := repo("config.json", "pytorch_model-00001-of-00002.bin")
	sharded := repo("config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "consolidated.safetensors", "tokenizer.json")
	for _, c := range []struct {
		name  string
		repo  *Repo
		want  string
		files []string // nil: an error
		words []string
	}{
		{"one", repo("m-Q2_K.gguf", "README.md"), "", []string{"m-Q2_K.gguf"}, nil},
		{"preferred", many, "", []string{"m-Q8_0.gguf"}, nil},
		{"preferred second", repo("m-Q2_K.gguf", "m-Q4_K_M.gguf"), "", []string{"m-Q4_K_M.gguf"}, nil},
		{"none preferred", repo("m-Q2_K.gguf", "m-Q3_K.gguf"), "", nil, []string{"2 models", "me/it/FILE", "m-Q2_K.gguf", "1.0 MiB"}},
		{"two preferred", repo("m-Q8_0.gguf", "n-Q8_0.gguf"), "", nil, []string{"2 models", "n-Q8_0.gguf"}},
		{"by quantisation", many, "q4_k_m", []string{"m-Q4_K_M.gguf"}, nil},
		{"by path", many, "m-Q2_K.gguf", []string{"m-Q2_K.gguf"}, nil},
		{"by pattern", many, "*Q2*", []string{"m-Q2_K.gguf"}, nil},
		{"by a pattern of several", many, "*.gguf", nil, []string{"more than one", "m-Q2_K.gguf"}},
		{"not there", many, "Q5_0", nil, []string{`no model "Q5_0"`, "m-Q8_0.gguf"}},
		{"names for a terminal", repo("a\x1b[2J.gguf", "b.gguf"), "", nil, []string{`"a\x1b[2J.gguf"`}},
		{"a pattern that is none", many, "[", nil, []string{`no model "["`}},
		{"safetensors beside GGUF", many, "safetensors", []string{"config.json", "model.safetensors"}, nil},
		{"safetensors by file", many, "model.safetensors", []string{"config.json", "model.safetensors"}, nil},
		{"split", split, "", []string{"b/m-Q8_0-00001-of-00002.gguf", "b/m-Q8_0-00002-of-00002.gguf"}, nil},
		{"split by a part", split, "m-Q8_0-00002-of-00002.gguf", []string{"b/m-Q8_0-00001-of-00002.gguf", "b/m-Q8_0-00002-of-00002.gguf"}, nil},
		{"dynamic", split, "Q4_K_XL", []string{"m-UD-Q4_K_XL.gguf"}, nil},
		{"a part is missing", repo("m-00001-of-00003.gguf", "m-00003-of-00003.gguf"), "", nil, []string{"m-00002-of-00003.gguf is not in the repository"}},
		{"a part too many", repo("m-00003-of-00002.gguf", "m-00001-of-00002.gguf", "m-00002-of-00002.gguf"), "", nil, []string{"m-00003-of-00002.gguf"}},
		{"part 0", repo("m-00000-of-00000.gguf"), "", nil, []string{"m-00000-of-00000.gguf"}},
		{"sharded", sharded, "", []string{"config.json", "tokenizer.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}, nil},
		{"a shard is missing", repo("config.json", "model.safetensors.index.json", "model-00002-of-00002.safetensors"), "", nil, []string{"model-00001-of-00002.safetensors is not"}},
		{"no shard", repo("config.json", "model.safetensors.index.json"), "", nil, []string{"none of the files"}},
		{"no config", repo("model.safetensors"), "", nil, []string{"no config.json"}},
		{"PyTorch's", torch, "", nil, []string{"pytorch_model.bin"}},
		{"an adapter", repo("adapter_config.json", "adapter_model.safetensors"), "", nil, []string{"LoRA"}},
		{"a quantisation of safetensors", sharded, "Q8_0", nil, []string{"no GGUF files"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := choose(c.repo, c.want)
			if c.files == nil {
				refused(t, err, c.words...)
				return
			}
			var got []string
			for _, f := range p.files {
				got = append(got, f.Path)
			}
			if err != nil || !slices.Equal(got, c.files) {
				t.Errorf("%q (%v), expected %q", got, err, c.files)
			}
		})
	}
}

// TestRanges compares ranges with a bit for each byte.
func TestRanges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var have ranges
		var bits [50]bool
		for range r.IntN(12) {
			s := span{r.Int64N(50), r.Int64N(51)}
			have.add(s)
			for i := s.From; i < s.To; i++ {
				bits[i] = true
			}
		}
		if !have.valid(50) {
			t.Fatalf("%v is not valid", have)
		}
		want := span{r.Int64N(50), r.Int64N(51)}
		var got [50]bool
		for _, gap := range have.missing(want) {
			for i := gap.From; i < gap.To; i++ {
				got[i] = true
			}
		}
		total := int64(0)
		for i, b := range bits {
			if b {
				total++
			}
			if in := int64(i) >= want.From && int64(i) < want.To && !b; in != got[i] {
				t.Fatalf("%v of %v are missing in %v", have.missing(want), want, have)
			}
		}
		if have.total() != total {
			t.Errorf("%v has %d bytes, expected %d", have, have.total(), total)
		}
	}
	for _, bad := range []ranges{{{-1, 5}}, {{5, 5}}, {{0, 51}}, {{0, 9}, {5, 12}}, {{9, 12}, {0, 5}}} {
		if bad.valid(50) {
			t.Errorf("%v is valid", bad)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		key, value string
		want       time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second},
		{"Retry-After", now.Add(time.Minute).Format(http.TimeFormat), time.Minute},
		{"Retry-After", now.Add(-time.Minute).Format(http.TimeFormat), 0},
		{"Retry-After", "-3", 0},
		{"Retry-After", "soon", 0},
		{"RateLimit", `"api";r=0;t=33`, 33 * time.Second},
		{"RateLimit", `"api";r=0`, 0},
		{"X", "7", 0},
	} {
		if got := retryAfter(http.Header{http.CanonicalHeaderKey(c.key): {c.value}}, now); got != c.want {
			t.Errorf("%s: %s: %v, expected %v", c.key, c.value, got, c.want)
		}
	}
}

func TestFindToken(t *testing.T) {
	home := t.TempDir()
	write := func(path, text string) string {
		t.Helper()
		path = filepath.Join(home, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	stored := write(".cache/huggingface/token", "hf_stored\n")
	other := write("hf/token", "hf_other")
	xdg := write("xdg/huggingface/token", "hf_xdg")
	for _, c := range []struct {
		env  map[string]string
		want Token
	}{
		{map[string]string{}, Token{"hf_stored", stored}},
		{map[string]string{"HF_TOKEN": " hf_env\n"}, Token{"hf_env", "HF_TOKEN"}},
		{map[string]string{"HF_HOME": filepath.Join(home, "hf")}, Token{"hf_other", other}},
		{map[string]string{"HF_HOME": filepath.Join(home, "none")}, Token{}},
		{map[string]string{"XDG_CACHE_HOME": filepath.Join(home, "xdg")}, Token{"hf_xdg", xdg}},
		{map[string]string{"HF_TOKEN_PATH": "~/hf/token"}, Token{"hf_other", other}},
	} {
		got, err := FindToken(func(name string) string { return c.env[name] }, home)
		if err != nil || got != c.want {
			t.Errorf("%v: %v (%v), expected %v", c.env, got, err, c.want)
		}
	}
	_, err := FindToken(func(string) string { return "hf_a\r\nX: secret" }, home)
	refused(t, err, "HF_TOKEN")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%q repeats the token", err)
	}
}

func TestEndpoint(t *testing.T) {
	for _, bad := range []string{"huggingface.co", "ftp://x", "https://", "https://x?y", "https://user:secret@x"} {
		if _, err := New(bad, Token{}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	c, err := New("https://example.org/a%20b/", Token{})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.address("me", "it", "resolve", "x", "a/b", "c d?.gguf").String(); got != "https://example.org/a%20b/me/it/resolve/x/a%2Fb/c%20d%3F.gguf" {
		t.Error(got)
	}
}
