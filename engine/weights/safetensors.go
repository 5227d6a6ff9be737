package weights

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sort"
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
	if len(data) < 8 {
		return nil, fmt.Errorf("%d bytes, expected at least the 8 of a header's length", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader || n > uint64(len(data)-8) {
		return nil, fmt.Errorf("header of %d bytes, expected at most the %d that follow", n, min(len(data)-8, maxHeader))
	}
	header, body := data[8:8+n], data[8+n:]
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	delete(entries, "__metadata__")
	tensors, ends := make(map[string]Tensor, len(entries)), make([][2]int, 0, len(entries))
	for name, raw := range entries {
		var e struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets []int  `json:"data_offsets"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		t, ok := safetensorsTypes[e.DType]
		if !ok {
			return nil, fmt.Errorf("tensor %s: dtype %q is not supported; F32, F16 and BF16 are", name, e.DType)
		}
		size, err := t.size(e.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", name, err)
		}
		if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > len(body) {
			return nil, fmt.Errorf("tensor %s: data_offsets %v, expected two within the %d bytes of data", name, e.Offsets, len(body))
		}
		if got := e.Offsets[1] - e.Offsets[0]; got != size {
			return nil, fmt.Errorf("tensor %s: %d bytes, expected %d for %s of shape %v", name, got, size, e.DType, e.Shape)
		}
		tensors[name] = Tensor{name, t, e.Shape, body[e.Offsets[0]:e.Offsets[1]:e.Offsets[1]]}
		ends = append(ends, [2]int{e.Offsets[0], e.Offsets[1]})
	}
	sort.Slice(ends, func(i, j int) bool { return ends[i][0] < ends[j][0] })
	for i := 1; i < len(ends); i++ {
		if ends[i][0] < ends[i-1][1] {
			return nil, fmt.Errorf("two tensors overlap at byte %d of the data", ends[i][0])
		}
	}
	return tensors, nil
}
