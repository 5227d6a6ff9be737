package hub

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Kinds of models.
const (
	kindGGUF        = "gguf"
	kindSafetensors = "safetensors"
)

// plan is which files make a model.
type plan struct {
	unit  string // what its folder is called
	kind  string
	quant string // of a GGUF file, by its name
	files []File // those to look at before the weights come first
	why   string // the choice in words, where there was one
}

// size is of all files.
func (p plan) size() int64 {
	var n int64
	for _, f := range p.files {
		n += f.Size
	}
	return n
}

// preferred is the order in which a quantisation is taken where none is named:
// 8 bits are what small models bear without loss, and what the engine computes
// with.
var preferred = []string{"Q8_0", "Q4_K_M", "F16", "BF16"}

// choose finds the model that want means among a repository's files: a path, a
// pattern, a quantisation, or "" for the one to prefer.
func choose(r *Repo, want string) (plan, error) {
	id := r.Owner + "/" + r.Name
	models := ggufs(r)
	switch {
	case want == "" && len(models) > 0:
		return prefer(id, models)
	case want == "", want == kindSafetensors, strings.HasSuffix(want, ".safetensors"):
		p, err := safetensors(r)
		if err != nil {
			return plan{}, err
		}
		if want != "" && !slices.ContainsFunc(p.files, func(f File) bool { return matches(want, f.Path) }) && want != kindSafetensors {
			return plan{}, fmt.Errorf("%s has no file %q that is of its model", id, want)
		}
		return p, p.check()
	}
	var found []plan
	for _, m := range models {
		if slices.ContainsFunc(m.files, func(f File) bool { return f.Path == want }) {
			return m, m.check()
		}
		if m.is(want) {
			found = append(found, m)
		}
	}
	if len(found) == 0 && isQuant(want) {
		for _, m := range models {
			if m.quant == dynamic+sayQuant(want) {
				found = append(found, m)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0], found[0].check()
	case len(found) > 1:
		return plan{}, fmt.Errorf("%q is more than one model of %s, name one of them:%s", want, id, table(found))
	case len(models) > 0:
		return plan{}, fmt.Errorf("%s has no model %q, it has:%s", id, want, table(models))
	}
	return plan{}, fmt.Errorf("%s has no GGUF files; without a file or quantisation behind its name its safetensors are taken", id)
}

// is tells whether want means the model: its quantisation, a file of it, or a
// pattern of one.
func (p plan) is(want string) bool {
	if isQuant(want) {
		return p.quant == sayQuant(want)
	}
	return slices.ContainsFunc(p.files, func(f File) bool { return matches(want, f.Path) })
}

// matches tells whether want is the file at p: its path, its name, or a pattern
// of one of them.
func matches(want, p string) bool {
	for _, s := range []string{p, path.Base(p)} {
		if ok, err := path.Match(want, s); strings.EqualFold(want, s) || (err == nil && ok) {
			return true
		}
	}
	return false
}

// prefer takes the model to have where none was named.
func prefer(id string, models []plan) (plan, error) {
	if len(models) == 1 {
		return models[0], models[0].check()
	}
	for _, quant := range preferred {
		i := slices.IndexFunc(models, func(m plan) bool { return m.quant == quant })
		if i < 0 {
			continue
		}
		if slices.ContainsFunc(models[i+1:], func(m plan) bool { return m.quant == quant }) {
			break
		}
		m := models[i]
		m.why = fmt.Sprintf("of %d models in %s the one in %s is taken; another one is named like %s:QUANTISATION:%s",
			len(models), id, quant, id, table(models))
		return m, m.check()
	}
	return plan{}, fmt.Errorf("%s has %d models, name one of them, like %s/FILE:%s", id, len(models), id, table(models))
}

// printable is s, quoted if it has characters that a terminal would obey.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// table lists models with their sizes.
func table(models []plan) string {
	var b strings.Builder
	for i, m := range models {
		if i == 40 {
			fmt.Fprintf(&b, "\n  and %d more", len(models)-i)
			break
		}
		name := printable(m.files[0].Path)
		if len(m.files) > 1 {
			name += fmt.Sprintf(" and %d more parts", len(m.files)-1)
		}
		fmt.Fprintf(&b, "\n  %-10s %9s  %s", m.quant, byteSize(m.size()), name)
	}
	return b.String()
}

// ggufs are the models in GGUF files, the parts of a split one together.
// Projectors of images and matrices of importance are in such files too, and no
// models.
func ggufs(r *Repo) []plan {
	var all []plan
	for _, f := range r.Files {
		if !strings.HasSuffix(f.Path, ".gguf") {
			continue
		}
		base := strings.ToLower(path.Base(f.Path))
		if strings.HasPrefix(base, "mmproj") || strings.Contains(base, "imatrix") {
			continue
		}
		stem, _, n := splitOf(f.Path, ".gguf")
		first := f.Path
		if n > 1 {
			first = partName(stem, 1, n, ".gguf")
		}
		unit := strings.ReplaceAll(first, "/", "--")
		at := slices.IndexFunc(all, func(p plan) bool { return p.unit == unit })
		if at < 0 {
			at = len(all)
			all = append(all, plan{unit: unit, kind: kindGGUF, quant: quantOf(f.Path)})
		}
		all[at].files = append(all[at].files, f)
	}
	for _, p := range all {
		slices.SortFunc(p.files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	}
	return all
}

// beside are the files that a safetensors model may need besides its weights.
var beside = []string{"config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json", "vocab.json", "merges.txt", "chat_template.jinja"}

// safetensors is the model in a repository's safetensors.
func safetensors(r *Repo) (plan, error) {
	p := plan{unit: r.Name, kind: kindSafetensors}
	find := func(name string) (File, bool) {
		i := slices.IndexFunc(r.Files, func(f File) bool { return f.Path == name })
		if i < 0 {
			return File{}, false
		}
		return r.Files[i], true
	}
	id := r.Owner + "/" + r.Name
	for _, name := range beside {
		if f, ok := find(name); ok {
			p.files = append(p.files, f)
		}
	}
	if whole, ok := find("model.safetensors"); ok {
		p.files = append(p.files, whole)
	} else if index, ok := find("model.safetensors.index.json"); ok {
		p.files = append(p.files, index)
		first := len(p.files)
		for _, f := range r.Files {
			if ok, _ := path.Match("model-*-of-*.safetensors", f.Path); ok {
				p.files = append(p.files, f)
			}
		}
		slices.SortFunc(p.files[first:], func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	} else {
		return plan{}, noModel(id, r.Files)
	}
	if len(p.files) == 0 || p.files[0].Path != "config.json" {
		return plan{}, fmt.Errorf("%s has safetensors but no config.json, which says what model they are", id)
	}
	return p, nil
}

// noModel says what a repository has instead of a model.
func noModel(id string, files []File) error {
	has := func(pattern string) bool {
		return slices.ContainsFunc(files, func(f File) bool { return matches(pattern, f.Path) })
	}
	switch {
	case has("adapter_model.*"):
		return fmt.Errorf("%s is an adapter (LoRA), which changes another model, expected a whole one", id)
	case has("pytorch_model*.bin"):
		return fmt.Errorf("%s has its weights as pytorch_model.bin only, which are not read, expected GGUF or safetensors", id)
	}
	return fmt.Errorf("%s has neither GGUF files nor model.safetensors, expected the one or the other", id)
}

// check refuses a model that could not be fetched whole.
func (p plan) check() error {
	if strings.HasPrefix(p.unit, ".") {
		return fmt.Errorf("the repository has a file called %.200q, which is no name for one here", p.unit)
	}
	if _, err := localPath(p.unit); err != nil {
		return err
	}
	for _, f := range p.files {
		if _, err := localPath(f.Path); err != nil {
			return err
		}
		if err := f.verifiable(); err != nil {
			return err
		}
	}
	return p.checkParts()
}

// checkParts refuses a split file, or sharded safetensors, of which a part is
// missing.
func (p plan) checkParts() error {
	ending := "." + p.kind
	var parts []File
	for _, f := range p.files {
		if strings.HasSuffix(f.Path, ending) {
			parts = append(parts, f)
		}
	}
	if len(parts) == 0 {
		return fmt.Errorf("%s is there, but none of the files that it names", p.files[len(p.files)-1].Path)
	}
	stem, _, n := splitOf(parts[0].Path, ending)
	for i := range n {
		if want := partName(stem, i+1, n, ending); n > 1 && (i >= len(parts) || parts[i].Path != want) {
			return fmt.Errorf("%s is not in the repository, which has other parts of it", want)
		}
	}
	if len(parts) > n {
		return fmt.Errorf("%s is not one of %d parts", parts[n].Path, n)
	}
	return nil
}
