package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"tokenselect/engine"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/selection"
)

// TestPoliciesWGPU holds what the GPU reads and answers with policies to compare with
// and with TokenSelect's options against the CPU device.
func TestPoliciesWGPU(t *testing.T) {
	cpu := cpudev.New(cpudev.Options{})
	t.Cleanup(cpu.Close)
	engines := []*engine.Engine{onDevice(t, cpu, "f16"), onDevice(t, gputest.WGPU(t), "f16")}
	ids := prompts(t, 1)[0]
	for i, way := range []struct {
		policy selection.Policy
		selection.Options
		pool int
	}{
		{policy: selection.HeadVote}, {policy: selection.Paper}, {policy: selection.Oracle},
		{selection.TokenSelect, selection.Options{Probes: 3, Floor: 1}, 3}, {policy: selection.TokenSelect, pool: 5},
		{selection.TokenSelect, selection.Options{TopP: 0.5, KMin: 3, ShareLayers: 2, CacheCentred: true}, 0},
		{selection.TokenSelect, selection.Options{PerKeyHead: true, TopP: 0.5}, 0},
	} {
		if fewGoldens && i%4 != 0 {
			continue
		}
		cfg := selection.Config{Policy: way.policy, NInit: 4, K: 16, NLocal: 32, Chunk: 16, Theta: 0.5, Tau: 1, Pool: way.pool, Options: way.Options}
		name := fmt.Sprintf("%s %+v, pool %d", way.policy, way.Options, way.pool)
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
