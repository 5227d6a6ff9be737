package layer

import (
	"fmt"
	"slices"
	"strings"

	"tokenselect/engine/kernels"
	"tokenselect/engine/selection"
)

// Default are the policies that are measured unless others are asked for.
var Default = []selection.Policy{selection.Dense, selection.TokenSelect, selection.Window}

// Measured are the policies that can be measured. NTK and SelfExtend attend to every
// row, at other positions, which is Dense; Oracle, which scores with each query of a
// chunk, is for what it finds and not for its time.
var Measured = append(slices.Clone(Default), selection.TopK, selection.HeadVote, selection.Paper, selection.Quest, selection.InfLLM, selection.SnapKV)

// Check says what is wrong with the policies, or with the budgets for one of them.
func (c Config) Check() error {
	for _, p := range c.Policies {
		if !slices.Contains(Measured, p) {
			var names []string
			for _, m := range Measured {
				names = append(names, string(m))
			}
			return fmt.Errorf("policy %q, expected of %s (ntk and selfextend take dense's time, and oracle's is not of interest)", p, strings.Join(names, ", "))
		}
		cfg := c.Budgets
		cfg.Policy = p
		if err := cfg.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// a way is a policy as it is measured.
type way struct {
	name string
	cfg  selection.Config
}

// ways are the policies for steps of so many queries, of a text that is read in chunks
// of chunk. A repeated query always hits the Selection Cache where there is one.
func (c Config) ways(chunk, queries int) []way {
	with := func(p selection.Policy) selection.Config {
		cfg := c.Budgets
		cfg.Policy, cfg.Theta, cfg.Chunk, cfg.Index = p, 0, chunk, kernels.IndexNone
		return cfg
	}
	policies := c.Policies
	if policies == nil {
		policies = Default
	}
	var list []way
	for _, p := range policies {
		if p == selection.SnapKV && queries > 1 {
			continue // it reads a chunk as Dense does
		}
		list = append(list, way{string(p), with(p)})
		if p != selection.TokenSelect {
			continue
		}
		for _, t := range []kernels.IndexType{kernels.IndexI8, kernels.IndexI4} {
			cfg := with(p)
			cfg.Index = t
			list = append(list, way{"tokenselect, " + t.String() + " index", cfg})
		}
		if queries == 1 {
			cfg := with(p)
			cfg.Theta = 0.9
			list = append(list, way{"tokenselect, reused", cfg})
		}
	}
	return list
}
