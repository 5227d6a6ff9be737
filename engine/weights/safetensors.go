package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

var safetensorsTypes = map[string]Type{"F32": F32, "F16": F16, "BF16": BF16}

// maxHeader is the largest header that the format allows.
const maxHeader = 100 << 20

// ParseSafetensors reads the tensors of one .safetensors file. They alias data.
// name is for errors.
func ParseSafetensors(name string, data []byte) (map[string]Tensor, error) {
	ts, err := parseSafetensors(data)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", name, err)
	}
	return ts, nil
}

func parseSafetensors(data []byte) (map[string]Tensor, error) {
	n, err := headerBytes(data, int64(len(data)))
	if err != nil {
		return nil, err
	}
	entries, err := parseEntries(data[8:8+n], len(data)-8-n)
	if err != nil {
		return nil, err
	}
	body, tensors := data[8+n:], make(map[string]Tensor, len(entries))
	for _, e := range entries {
		tensors[e.name] = Tensor{Name: e.name, Type: safetensorsTypes[e.DType], Shape: e.Shape, Data: body[e.Offsets[0]:e.Offsets[1]:e.Offsets[1]]}
	}
	return tensors, nil
}

// openSafetensors reads the header of a .safetensors file of size bytes and leaves
// its tensors where they are.
func openSafetensors(r io.ReaderAt, size int64) (map[string]Tensor, error) {
	start := make([]byte, min(8, size))
	if err := readFull(r, start, 0); err != nil {
		return nil, err
	}
	n, err := headerBytes(start, size)
	if err != nil {
		return nil, err
	}
	header := make([]byte, n)
	if err := readFull(r, header, 8); err != nil {
		return nil, err
	}
	entries, err := parseEntries(header, int(size)-8-n)
	if err != nil {
		return nil, err
	}
	tensors := make(map[string]Tensor, len(entries))
	for _, e := range entries {
		tensors[e.name] = Tensor{Name: e.name, Type: safetensorsTypes[e.DType], Shape: e.Shape, File: &File{At: int64(8 + n + e.Offsets[0]), r: r}}
	}
	return tensors, nil
}

// headerBytes is the length of the header of a file of size bytes that begins with
// start.
func headerBytes(start []byte, size int64) (int, error) {
	if size < 8 {
		return 0, fmt.Errorf("%d bytes, expected at least the 8 of a header's length", size)
	}
	n := binary.LittleEndian.Uint64(start)
	if n > maxHeader || n > uint64(size-8) {
		return 0, fmt.Errorf("header of %d bytes, expected at most the %d that follow", n, min(size-8, maxHeader))
	}
	return int(n), nil
}

// parseEntries are the tensors that a header says are in body bytes of data, in
// their order there.
func parseEntries(header []byte, body int) ([]entry, error) {
	entries, err := parseHeader(header)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	seen := make(map[string]bool, len(entries))
	for _, e := range entries {
		if seen[e.name] {
			return nil, fmt.Errorf("tensor %s occurs twice", e.name)
		}
		seen[e.name] = true
		t, ok := safetensorsTypes[e.DType]
		if !ok {
			return nil, fmt.Errorf("tensor %s: dtype %q is not supported; F32, F16 and BF16 are", e.name, e.DType)
		}
		size, err := t.size(e.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", e.name, err)
		}
		if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > body {
			return nil, fmt.Errorf("tensor %s: data_offsets %v, expected two within the %d bytes of data", e.name, e.Offsets, body)
		}
		if got := e.Offsets[1] - e.Offsets[0]; got != size {
			return nil, fmt.Errorf("tensor %s: %d bytes, expected %d for %s of shape %v", e.name, got, size, e.DType, e.Shape)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]))
	})
	end := 0 // of the tensors so far, which the format wants without a gap
	for _, e := range entries {
		if e.Offsets[0] != end {
			return nil, fmt.Errorf("tensor %s: starts at byte %d of the data, expected %d, behind the tensor before it", e.name, e.Offsets[0], end)
		}
		end = e.Offsets[1]
	}
	if end != body {
		return nil, fmt.Errorf("%d bytes of data, expected the %d of its tensors", body, end)
	}
	return entries, nil
}

// entry describes a tensor in the header.
type entry struct {
	name    string
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"`
}

// parseHeader lists the header's tensors one by one, since a map would hide
// that a name occurs twice.
func parseHeader(header []byte) ([]entry, error) {
	if !json.Valid(header) {
		return nil, fmt.Errorf("no valid JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, fmt.Errorf("starts with %v, expected an object", start)
	}
	var entries []entry
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if name == "__metadata__" {
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return nil, err
			}
			continue
		}
		e := entry{name: name}
		if err := dec.Decode(&e); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		entries = append(entries, e)
	}
	return entries, nil
}
