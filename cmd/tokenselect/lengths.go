package main

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/selection"
	"tokenselect/engine/weights"
)

// mostTokens is more than any context has: what is larger is a slip, and its bytes
// need not be a number that there is.
const mostTokens = 1 << 28

// parseLengths reads what a flag says of tokens, with commas between them: in
// ascending order.
func parseLengths(flag, text string) ([]int, error) {
	var lengths []int
	for _, s := range strings.Split(text, ",") {
		s = strings.ToUpper(strings.TrimSpace(s))
		number, unit := s, 1.0
		if n, ok := strings.CutSuffix(s, "K"); ok {
			number, unit = n, 1<<10
		} else if n, ok := strings.CutSuffix(s, "M"); ok {
			number, unit = n, 1<<20
		}
		v, err := strconv.ParseFloat(number, 64)
		switch n := v * unit; {
		case n > mostTokens: // an error of the range too
			return nil, usagef("%s %q: %q is too large, expected at most %dM tokens", flag, text, s, mostTokens>>20)
		case err != nil || !(n >= 1) || n != float64(int(n)):
			return nil, usagef("%s %q: %q, expected numbers of tokens such as 1500, 1.5K, 128K or 1M", flag, text, s)
		}
		lengths = append(lengths, int(v*unit))
	}
	slices.Sort(lengths)
	return slices.Compact(lengths), nil
}

// fitContext refuses a context that a flag asks for and a device has no memory for,
// before a text of that length is made.
func fitContext(flag string, tokens int, ckpt *weights.Model, dev gpu.Info, o engine.Options, configs ...selection.Config) error {
	var why error
	fits := func(n int) bool {
		for _, cfg := range configs {
			m, err := engine.Estimate(ckpt, n, dev, o, cfg)
			if err == nil {
				err = m.Fits(dev)
			}
			if err != nil {
				why = err
				return false
			}
		}
		return true
	}
	if fits(tokens) || !fits(1) { // what no context is the reason of is said when the model is loaded
		return nil
	}
	most := sort.Search(tokens, func(n int) bool { return !fits(n + 1) })
	fits(tokens)
	return fmt.Errorf("%s %d, expected at most %d on this device: %w", flag, tokens, most, why)
}
