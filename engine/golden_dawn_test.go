//go:build !js

package engine_test

import (
	"testing"

	"tokenselect/engine/gpu/gputest"
)

// TestGoldenSelectionDawn plays the conversations on Dawn by the same rule as
// TestGoldenSelectionWGPU.
func TestGoldenSelectionDawn(t *testing.T) { tolerantGolden(t, gputest.Dawn(t)) }

func TestGoldenDenseDawn(t *testing.T) { shortDense(t, gputest.Dawn(t)) }

// TestIndexFidelityDawn scores with packed products of bytes, where TestIndexFidelityWGPU
// has floats.
func TestIndexFidelityDawn(t *testing.T) { shortFidelity(t, gputest.Dawn(t)) }

func TestAgreementDawn(t *testing.T) { agreement(t, gputest.Dawn(t)) }

func TestTinyModelsDawn(t *testing.T) { tinyModels(t, gputest.Dawn(t), nil) }

func TestArchitecturesDawn(t *testing.T) { architecturesOn(t, gputest.Dawn(t), "f16", 2e-2) }

func TestConstraintDawn(t *testing.T) { constrained(t, gputest.Dawn(t)) }

func TestShadowDawn(t *testing.T) {
	if !everyGolden {
		t.Skip("skipped: half a minute on a software GPU, and make test-hardware runs it")
	}
	sound(t, gputest.Dawn(t))
}
