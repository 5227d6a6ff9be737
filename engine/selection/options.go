//go:build !lean

package selection

// Options is what TokenSelect may do otherwise than the paper, each by itself. At
// their zero values all change nothing. Other policies that select know DenseUntil,
// ShareLayers and CacheCentred alone. The engine for browsers has none of them.
type Options struct {
	// DenseUntil is the number of rows, those of a step included, that are all attended
	// to at true positions before anything is selected: up to the context that the model
	// was trained for nothing has to be left out.
	DenseUntil int
	// ShareLayers is how many layers that follow each other share a selection: layer i
	// selects where i is a multiple of it (as in TidalDecode, arXiv 2410.05076, which
	// has two layers select for all); 0 and 1: each selects.
	ShareLayers int
	// CacheCentred compares the queries of the Selection Cache less the mean query of
	// the prompt's first chunk: queries of a layer have so much in common that the
	// cosine of any two may be close to 1.
	CacheCentred bool

	// Probes is how many probes score the candidates for a chunk: the means of so many
	// parts of it, whose votes are added up; 0 and 1: its mean. A step with fewer queries
	// has as many probes.
	Probes int
	// PerKeyHead selects for each key head by the votes of the heads that share it,
	// instead of for all heads by the votes of all: k rows each.
	PerKeyHead bool
	// Floor is how many of the largest scores of each head are selected in any case, by
	// the mean query: a head that looks for something by itself is not outvoted.
	Floor int
	// TopP is the share of the votes' mass that the selected rows have to reach: as many
	// as do are attended to, KMin at least and k at most; 0 and 1: k of them. Rows of
	// equal votes stay together.
	TopP float64
	KMin int
}

// denseUntil is DenseUntil, which the engine for browsers does not have, and centred
// CacheCentred.
func (o Options) denseUntil() int { return o.DenseUntil }

func (o Options) centred() bool { return o.CacheCentred }

// selecting is the layer whose selection layer i attends to.
func (o Options) selecting(i int) int { return i - i%max(1, o.ShareLayers) }
