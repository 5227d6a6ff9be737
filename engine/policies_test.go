package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/selection"
)

// TestPoliciesWGPU holds what the GPU reads and answers with policies to compare with,
// and with TokenSelect's pool, against the CPU device.
func TestPoliciesWGPU(t *testing.T) {
	cpu := cpudev.New(cpudev.Options{})
	t.Cleanup(cpu.Close)
	engines := []*engine.Engine{onDevice(t, cpu, "f16"), onDevice(t, wgpu.For(t), "f16")}
	ids := prompts(t, 1)[0]
	for i, way := range []struct {
		policy selection.Policy
		pool   int
	}{{selection.HeadVote, 0}, {selection.Paper, 0}, {selection.Oracle, 0}, {selection.TokenSelect, 5}} {
		if fewGoldens && i%3 != 0 {
			continue
		}
		cfg := selection.Config{Policy: way.policy, NInit: 4, K: 16, NLocal: 32, Chunk: 16, Theta: 0.5, Pool: way.pool}
		name := fmt.Sprintf("%s, pool %d", way.policy, way.pool)
		want, chosen := continued(t, engines[0], cfg, ids)
		got, found := continued(t, engines[1], cfg, ids)
		if !slices.Equal(got, want) {
			t.Errorf("%s: ids %v, expected %v", name, got, want)
		}
		v, selected, layers := verdict{}, 0, []goldenLayer(nil)
		for _, c := range chosen {
			selected += len(c.Rows)
			layers = append(layers, goldenLayer{Rows: c.Rows})
		}
		v.compare(name, found, layers)
		// Rounding decides about a row of 16 here and there.
		if mean, least := stats(v.jaccards); selected == 0 || mean < 0.97 || least < 0.75 {
			t.Errorf("%s: %d rows selected, Jaccard mean %.4f, least %.4f, expected at least 0.97 and 0.75: %v", name, selected, mean, least, v.strict)
		}
	}
}
