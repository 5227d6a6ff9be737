// Package record looks at what the layers of a step did: which rows they voted
// for and attended to, where the mass of dense attention lies, what single heads
// look at. A Watcher in the place of a selector keeps copies of queries and scores
// on the device, and changes nothing of what is computed; what is made of them is
// computed on the host, after the step.
package record

// Options say what is looked at.
type Options struct {
	Votes   bool   // votes of the selected rows, and by how much they won
	Mass    bool   // shares of dense attention's mass
	Heads   int    // for each head so many rows with the most weight
	Scores  []Head // heads whose scores of all rows are wanted
	Timings bool   // of the kernels
}

// Head is a head of a layer.
type Head struct{ Layer, Head int }

// Layer is what a layer did in a step, as far as it was asked for. Of a step that
// read a chunk of a prompt it is what the chunk's last token did, by which the next
// one is found; votes are the whole chunk's.
type Layer struct {
	// Where rows were selected anew: votes of each, ascending by row, and for each
	// which heads have it among their own k best candidates, a bit a head.
	Votes      []float32
	Agree      []byte // (heads+7)/8 bytes a row, the first head in the lowest bit of the first
	Least      float32
	Next       float32 // the greatest vote that was not selected
	Candidates int

	Turn float64 // cosine of the query, of all heads, with that of the step before; 0: there is none

	Mass   []Mass          // [head]
	Near   []float32       // [head], share on attended rows with distances cut to n_local
	Blocks map[int]float32 // by tokens of a block, see [Blocks]; nil where nothing is left to select
	// Jaccard index of the selection with the k rows of most mass, with distances cut
	// to n_local; -1 where nothing was selected.
	Overlap float64

	Top     [][]int     // [head] rows between the first and the local ones, the heaviest first
	Weights [][]float32 // [head] their weights in the attention that ran

	Scores []HeadScores
}

// Mass is how dense attention shares itself among the rows: those that are attended
// to by their kind, and the others.
type Mass struct{ First, Selected, Local, Rest float32 }

// HeadScores are a head's of every row.
type HeadScores struct {
	Head   int
	Values []float32
}

// BlockSizes are the tokens of the blocks that single tokens are compared with.
var BlockSizes = []int{1, 8, 16, 32, 64, 128}
