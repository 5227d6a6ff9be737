package weights

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
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

// splitNames are the names of all files of a checkpoint of count files, of which
// path is one: model-00001-of-00003.gguf.
func splitNames(path string, count int) ([]string, error) {
	dir, file := filepath.Split(path)
	stem, ok := strings.CutSuffix(file, fmt.Sprintf("-of-%05d.gguf", count))
	if ok && len(stem) > 6 && stem[len(stem)-6] == '-' {
		number, err := strconv.ParseUint(stem[len(stem)-5:], 10, 32)
		if err == nil && number >= 1 && number <= uint64(count) {
			names := make([]string, count)
			for i := range names {
				names[i] = filepath.Join(dir, fmt.Sprintf("%s-%05d-of-%05d.gguf", stem[:len(stem)-6], i+1, count))
			}
			return names, nil
		}
	}
	return nil, fmt.Errorf("one of %d files of a checkpoint (metadata key %s), expected a name that ends in -00001-of-%05d.gguf, by which the others are found", count, splitCount, count)
}
