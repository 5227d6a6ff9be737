package kernels_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tokenselect/engine/kernels"
)

var (
	workgroupVar = regexp.MustCompile(`(?m)^var<workgroup> (\w+): (.+?);`)
	structText   = regexp.MustCompile(`(?s)struct (\w+) \{(.*?)\}`)
	arrayText    = regexp.MustCompile(`^array<(.+), (\d+)u?>$`)
)

// bytesOf is the size of a WGSL type in bytes, of structs in text too. Alignment
// counts for nothing here: no kernel has a type that is padded.
func bytesOf(typ, text string) (int, error) {
	typ = strings.TrimSpace(typ)
	switch typ {
	case "f32", "u32", "i32", "bool", "atomic<u32>":
		return 4, nil
	case "vec2<f32>", "vec2<u32>":
		return 8, nil
	case "vec4<f32>", "vec4<u32>":
		return 16, nil
	}
	if m := arrayText.FindStringSubmatch(typ); m != nil {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return 0, err
		}
		one, err := bytesOf(m[1], text)
		return n * one, err
	}
	for _, s := range structText.FindAllStringSubmatch(text, -1) {
		if s[1] != typ {
			continue
		}
		sum := 0
		for _, field := range strings.Split(strings.TrimSpace(s[2]), "\n") {
			_, of, ok := strings.Cut(strings.Split(field, "//")[0], ":")
			if !ok {
				continue
			}
			n, err := bytesOf(strings.TrimSuffix(strings.TrimSpace(of), ","), text)
			if err != nil {
				return 0, err
			}
			sum += n
		}
		return sum, nil
	}
	return 0, fmt.Errorf("type %q is not known to this test", typ)
}

// TestWorkgroupMemory: the baseline of every kernel takes no more workgroup memory
// than every WebGPU device has.
func TestWorkgroupMemory(t *testing.T) {
	const most = 16 << 10
	var found int
	for _, k := range kernels.All(8, 64, 80, 128) {
		src, err := k.WGSL()
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, v := range workgroupVar.FindAllStringSubmatch(src.Text, -1) {
			n, err := bytesOf(v[2], src.Text)
			if err != nil {
				t.Fatalf("%s: %s: %v", k.Name, v[1], err)
			}
			sum += n
			found++
		}
		if sum > most {
			t.Errorf("%s takes %d bytes of workgroup memory, expected at most %d", k.Name, sum, most)
		}
	}
	if found == 0 {
		t.Error("no kernel has workgroup memory: the test no longer reads the shaders")
	}
}
