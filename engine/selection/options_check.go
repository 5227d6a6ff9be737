//go:build !lean

package selection

import "fmt"

// validateRest says what is wrong with options and with what other policies ask for.
func (c Config) validateRest() error {
	if err := c.Options.validate(c); err != nil {
		return err
	}
	return c.Rivals.validate(c)
}

// changes tells whether o has TokenSelect choose in another way than by default.
func (o Options) changes() bool {
	return o.Probes > 1 || o.PerKeyHead || o.Floor > 0 || o.shortens()
}

// shortens tells whether fewer than k rows may be selected.
func (o Options) shortens() bool { return o.TopP > 0 && o.TopP < 1 }

// validate says what is wrong with o under c's budgets, naming the field.
func (o Options) validate(c Config) error {
	for _, f := range []struct {
		name       string
		value, max int
	}{{"dense until", o.DenseUntil, maxTokens}, {"share layers", o.ShareLayers, maxTokens}, {"probes", o.Probes, c.Chunk},
		{"floor", o.Floor, c.K}, {"k min", o.KMin, c.K}} {
		if f.value < 0 || f.value > f.max {
			return fmt.Errorf("selection: %s is %d, expected 0 to %d", f.name, f.value, f.max)
		}
	}
	if !(o.TopP >= 0) || o.TopP > 1 {
		return fmt.Errorf("selection: top p is %v, expected 0 (k rows) to 1", o.TopP)
	}
	return nil
}

// fits says what is wrong with c for a model of a shape.
func (c Config) fits(shape Shape) error {
	if n := len(shape.InvFreq); c.Policy == NTK && n != shape.HeadDim/2 {
		return fmt.Errorf("selection: %d angles for heads of size %d, expected %d with policy %s", n, shape.HeadDim, shape.HeadDim/2, c.Policy)
	}
	heads := shape.Heads // of a list
	if c.PerKeyHead {
		heads /= shape.KVHeads
	}
	if c.Policy == TokenSelect && c.Floor*heads > c.K {
		return fmt.Errorf("selection: floor of %d tokens for each of %d heads, expected at most %d for all: k", c.Floor, heads, c.K)
	}
	return nil
}
