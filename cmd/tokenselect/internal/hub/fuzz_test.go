package hub

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzName: a name that is taken is the same once it has been said and read again.
func FuzzName(f *testing.F) {
	for _, s := range []string{"a/b", "a/b:q4_k_m", "a/b/c/d.gguf", "a/b@v1.0:Q8_0", "a/b@refs%2Fpr%2F1/x.gguf", "hf.co/a/b:Q8_0", "hf://a/b",
		"https://huggingface.co/a/b/tree/v2/sub", "https://huggingface.co/a/b/resolve/main/x%20y.gguf?download=true#x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		said := n.String()
		again, err := ParseName(said)
		if err != nil || again.String() != said {
			t.Fatalf("%q is said as %q, and that as %q, %v", s, said, again, err)
		}
		if _, err := localPath(n.ID()); err != nil {
			t.Fatalf("%q: no folder for it: %v", s, err)
		}
	})
}

// FuzzListing: of whatever a server lists, a model is taken whose files have places
// below a folder and can be verified, or none.
func FuzzListing(f *testing.F) {
	const start = `{"id":"a/b","sha":"0123456789012345678901234567890123456789","siblings":[{"rfilename":"README.md","size":3,"blobId":"0123456789012345678901234567890123456789"}`
	const lfs = `","size":9,"lfs":{"size":9,"sha256":"0123456789012345678901234567890123456789012345678901234567890123"}}`
	for _, c := range []struct{ files, want string }{
		{`,{"rfilename":"m-Q8_0.gguf` + lfs + `,{"rfilename":"m-Q4_K_M.gguf` + lfs, ""},
		{`,{"rfilename":"x/m-f16-00001-of-00002.gguf` + lfs + `,{"rfilename":"x/m-f16-00002-of-00002.gguf` + lfs, "fp16"},
		{`,{"rfilename":"config.json` + lfs + `,{"rfilename":"model.safetensors` + lfs, "safetensors"},
		{`,{"rfilename":"config.json` + lfs + `,{"rfilename":"model.safetensors.index.json` + lfs + `,{"rfilename":"model-00001-of-00001.safetensors` + lfs, "model-00001-of-00001.safetensors"},
		{"", "*.gguf"},
	} {
		f.Add([]byte(start+c.files+"]}"), c.want)
	}
	f.Fuzz(func(t *testing.T, raw []byte, want string) {
		r, err := parseRepo(raw, "hub")
		if err != nil {
			return
		}
		p, err := choose(r, want)
		if err != nil {
			return
		}
		if len(p.files) == 0 || p.unit == "" || !filepath.IsLocal(p.unit) || filepath.Base(p.unit) != p.unit {
			t.Fatalf("%d files in a folder called %q", len(p.files), p.unit)
		}
		for _, file := range p.files {
			if local, err := localPath(file.Path); err != nil || !filepath.IsLocal(local) {
				t.Fatalf("%q is taken, %q, %v", file.Path, local, err)
			}
			if err := file.verifiable(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzJournal: what is noted of an interrupted download is not believed, or what is
// there and what is missing make the file.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"digest":"git:0123456789012345678901234567890123456789","size":9,"have":[{"from":0,"to":3},{"from":5,"to":9}],"whole":false}`))
	f.Add([]byte(`{"size":9223372036854775807,"have":[{"from":-1,"to":9223372036854775807}]}`))
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(path+".part.json", raw, 0o600); err != nil {
			t.Fatal(err)
		}
		j, ok := readJournal(path)
		if !ok {
			return
		}
		missing := int64(0)
		for _, s := range j.Have.missing(span{0, j.Size}) {
			missing += s.To - s.From
		}
		if total := j.Have.total(); total < 0 || total+missing != max(j.Size, 0) {
			t.Fatalf("of %d bytes %d are there and %d are missing", j.Size, total, missing)
		}
	})
}
