package layer

import (
	"strings"
	"testing"
	"time"

	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

func init() { enough = time.Millisecond }

// TestRun measures a small layer with every policy: all kernels have a cost, and
// what is printed has every row.
func TestRun(t *testing.T) {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	top, err := Measure(t.Context(), dev, 1<<20)
	if err != nil || top.Read <= 0 || top.MultiplyAdd <= 0 || top.ByDevice {
		t.Fatalf("%+v, %v", top, err)
	}
	c := Config{
		Shapes:  []Shape{{"tiny", 4, 2, 64}},
		Depths:  []int{40, 512},
		Budgets: selection.Config{NInit: 4, K: 32, NLocal: 16, Chunk: 32},
		Cache:   kernels.CacheF16, Ceilings: top, Kernels: true,
	}
	var told []int
	c.Done = func(some []Row) error {
		told = append(told, len(some))
		return nil
	}
	rows, err := Run(t.Context(), dev, c)
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0] != len(rows) {
		t.Errorf("told of %v rows by shape, expected %d of one", told, len(rows))
	}
	if len(rows) != 2*(6+5)+2*2 {
		t.Fatalf("%d rows, expected 2 depths with 6 ways to decode and 5 to read a chunk, and 2 more of each where rows are selected", len(rows))
	}
	for _, r := range rows {
		if r.US <= 0 || len(r.Kernels) == 0 || (r.Policy == "dense") != (r.ToDense == 0) {
			t.Errorf("%+v", r)
		}
		has := map[string]int{}
		for _, k := range r.Kernels {
			has[k.Name] += k.Calls
			if k.US <= 0 || k.Bytes > 0 && k.Share <= 0 {
				t.Errorf("%s at %d: %+v", r.Policy, r.Depth, k)
			}
		}
		if gathers := strings.HasPrefix(r.Policy, "gather"); (has["gather_rows"] == 1) != gathers || gathers && r.Depth != 512 {
			t.Errorf("%s at %d: %v", r.Policy, r.Depth, has)
		}
		if selecting := strings.HasPrefix(r.Policy, "tokenselect") && r.Depth == 512; (has["choose"] == 1) != selecting {
			t.Errorf("%s at %d: %v", r.Policy, r.Depth, has)
		}
	}
	if n := dev.Buffers(); n != 0 {
		t.Errorf("%d buffers are left", n)
	}
	var out strings.Builder
	top.Print(&out)
	if err := Print(&out, rows, false); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "times dense"); n != 2*(5+4)+2*2 {
		t.Errorf("%d ratios in\n%s", n, &out)
	}
}
