//go:build !js

package engine_test

import (
	"testing"

	"tokenselect/engine/gpu/gputest"
)

// dawn is wgpu's device through Dawn.
var dawn = &gputest.Shared{Open: gputest.Dawn}

func init() { devices = append(devices, dawn) }

// TestGoldenSelectionDawn plays the conversations on Dawn by the same rule as
// TestGoldenSelectionWGPU.
func TestGoldenSelectionDawn(t *testing.T) { tolerantGolden(t, dawn.For(t)) }

func TestGoldenDenseDawn(t *testing.T) { shortDense(t, dawn.For(t)) }

// TestIndexFidelityDawn scores with packed products of bytes, where TestIndexFidelityWGPU
// has floats.
func TestIndexFidelityDawn(t *testing.T) { shortFidelity(t, dawn.For(t)) }

func TestAgreementDawn(t *testing.T) { agreement(t, dawn.For(t)) }

func TestTinyModelsDawn(t *testing.T) { tinyModels(t, dawn.For(t), nil) }

func TestArchitecturesDawn(t *testing.T) { architecturesOn(t, dawn.For(t), "f16", 2e-2) }

func TestConstraintDawn(t *testing.T) { constrained(t, dawn.For(t)) }

func TestShadowDawn(t *testing.T) {
	if !everyGolden {
		t.Skip("skipped: half a minute on a software GPU, and make test-hardware runs it")
	}
	sound(t, dawn.For(t))
}
