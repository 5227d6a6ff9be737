package weights

import (
	"fmt"
	"path/filepath"
)

// The metadata by which llama.cpp's gguf-split marks the files of a checkpoint.
// Only the first has the model's metadata.
const (
	splitNumber  = "split.no" // from 0
	splitCount   = "split.count"
	splitTensors = "split.tensors.count" // of all files
)

// split is which of how many files f is; 0 of 1 where it says nothing.
func (f *ggufFile) split() (number, count int, err error) {
	g := ggufMeta{meta: f.meta}
	count = max(1, g.integer(splitCount, 1))
	number = g.integer(splitNumber, 0)
	if g.err == nil && number >= count {
		g.fail("metadata key %s is %d, expected a number below %s, which is %d", splitNumber, number, splitCount, count)
	}
	return number, count, g.err
}

// join makes one of the files of a checkpoint.
func join(files []*ggufFile) (*ggufFile, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("no files, expected at least one")
	}
	var parts []*ggufFile // by number
	for i, f := range files {
		number, count, err := f.split()
		if err == nil && i > 0 && count != len(parts) {
			err = fmt.Errorf("metadata key %s is %d, expected %d as in %s", splitCount, count, len(parts), files[0].name)
		}
		if err != nil {
			return nil, inPart(files, f, err)
		}
		if i == 0 {
			if count > 1<<16 {
				return nil, fmt.Errorf("metadata key %s is %d, expected at most %d", splitCount, count, 1<<16)
			}
			parts = make([]*ggufFile, count)
		}
		if other := parts[number]; other != nil {
			return nil, fmt.Errorf("%s and %s are both part %d of %d (metadata key %s is %d)", other.name, f.name, number+1, count, splitNumber, number)
		}
		parts[number] = f
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	for i, p := range parts {
		if p == nil {
			return nil, fmt.Errorf("part %d of %d is missing: the checkpoint is split into several files", i+1, len(parts))
		}
	}
	if err := named(parts); err != nil {
		return nil, err
	}
	whole := *parts[0]
	whole.tensors, whole.places = nil, nil
	in := map[string]*ggufFile{}
	for _, p := range parts {
		for _, t := range p.tensors {
			if other := in[t.Name]; other != nil {
				return nil, fmt.Errorf("tensor %s is in both %s and %s", t.Name, other.name, p.name)
			}
			in[t.Name] = p
			whole.tensors = append(whole.tensors, t)
		}
	}
	for _, p := range parts {
		g := ggufMeta{meta: p.meta}
		if n := g.integer(splitTensors, len(in)); g.err == nil && n != len(in) {
			g.fail("metadata key %s is %d, expected the %d tensors of all parts", splitTensors, n, len(in))
		}
		if g.err != nil {
			return nil, inPart(files, p, g.err)
		}
	}
	return &whole, nil
}

// inPart says which of several files an error is about.
func inPart(files []*ggufFile, f *ggufFile, err error) error {
	if len(files) > 1 {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return err
}

// named compares the parts that have names of gguf-split with each other and with
// what their headers say: nothing else tells parts of different checkpoints of one
// shape apart.
func named(parts []*ggufFile) error {
	first, name := "", ""
	for i, p := range parts {
		stem, number, _ := SplitName(p.name)
		switch {
		case number == 0:
			continue
		case number != i+1:
			return fmt.Errorf("%s is part %d by its name, part %d by its header (metadata key %s is %d)", p.name, number, i+1, splitNumber, i)
		case first == "":
			first, name = stem, p.name
		case first != stem:
			return fmt.Errorf("%s and %s are parts of different checkpoints by their names", name, p.name)
		}
	}
	return nil
}

// SplitName takes the name of a file apart that is one of several of a checkpoint,
// as llama.cpp's gguf-split names them: model-00001-of-00003.gguf is part 1 of 3 of
// model. Of another name number and count are 0.
func SplitName(path string) (stem string, number, count int) {
	const pattern = "-00000-of-00000.gguf" // 0 stands for a digit
	at := len(path) - len(pattern)
	if at <= 0 {
		return "", 0, 0
	}
	for i, c := range []byte(pattern) {
		d := path[at+i]
		switch {
		case c != '0' && c != d, c == '0' && (d < '0' || d > '9'):
			return "", 0, 0
		case c == '0' && i < 6:
			number = 10*number + int(d-'0')
		case c == '0':
			count = 10*count + int(d-'0')
		}
	}
	if number < 1 || number > count {
		return "", 0, 0
	}
	return path[:at], number, count
}

// SplitNames are the names of all files of which SplitName takes one apart.
func SplitNames(stem string, count int) []string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, i+1, count)
	}
	return names
}

// splitNames are the names of all files of a checkpoint of count files, of which
// path is one.
func splitNames(path string, count int) ([]string, error) {
	if stem, _, of := SplitName(filepath.Clean(path)); of == count {
		return SplitNames(stem, count), nil
	}
	return nil, fmt.Errorf("one of %d files of a checkpoint (metadata key %s), expected a name that ends in -00001-of-%05d.gguf, by which the others are found", count, splitCount, count)
}
