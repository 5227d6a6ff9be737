//go:build !js

package engine_test

import (
	"testing"

	"tokenselect/engine/gpu/gputest"
)

// TestGoldenSelectionDawn plays the conversations on Dawn by the same rule as
// TestGoldenSelectionWGPU.
func TestGoldenSelectionDawn(t *testing.T) {
	dev := gputest.Dawn(t)
	caches, keep, allowed := []string{"f16"}, tinyCase, 1
	if everyGolden {
		caches, keep, allowed = []string{"f16", "f32"}, everyCase, 3
	}
	for _, cache := range caches {
		t.Run(cache, func(t *testing.T) {
			v := selectionGolden(t, onDevice(t, dev, cache), "selection-q8_0.json", keep, tolerant)
			if v.wrongIDs > allowed {
				t.Errorf("ids of %d turns of %d wrong, expected at most %d", v.wrongIDs, v.turns, allowed)
			}
		})
	}
}

func TestGoldenDenseDawn(t *testing.T) {
	cases := 4
	if everyGolden {
		cases = 0
	}
	denseGolden(t, onDevice(t, gputest.Dawn(t), ""), "transformers-q8_0.json", cases)
}

func TestAgreementDawn(t *testing.T) { agreement(t, gputest.Dawn(t)) }
