package selection

// The policies that TokenSelect is compared with and that have budgets of their
// own. All spend what TokenSelect spends: nInit + k + nLocal tokens besides those of
// the step. The engine for browsers has none of them.
const (
	// Quest selects, for each head, the pages with the largest bounds (arXiv
	// 2406.10774).
	Quest Policy = "quest"
	// InfLLM selects, for all heads, the blocks whose representatives the queries make
	// most of (arXiv 2402.04617).
	InfLLM Policy = "infllm"
	// SnapKV reads a prompt densely, and keeps for decode what its last queries attend
	// to (arXiv 2404.14469).
	SnapKV Policy = "snapkv"
	// NTK attends to every row, with RoPE's base scaled for texts beyond the trained
	// context.
	NTK Policy = "ntk"
	// SelfExtend attends to every row, those far from the query at positions divided
	// by a group size (arXiv 2401.01325).
	SelfExtend Policy = "selfextend"
)

// Rivals is what the policies that TokenSelect is compared with ask for besides
// Config's budgets.
type Rivals struct {
	Page            int // quest: tokens of a page; the paper's is 16
	Block           int // infllm: tokens of a block; the paper's is 128
	Representatives int // infllm: tokens that stand for a block, for each head; the paper's is 4

	Window int // snapkv: the last tokens of a prompt, whose queries say what is kept; the paper's are 32
	Pool   int // snapkv: neighbours that attention is pooled over, itself included; the paper's are 7

	Trained int     // ntk, selfextend: tokens that the model was trained for
	Factor  float64 // ntk: what the trained context is stretched by; 0: as much as the text asks for
	Near    int     // selfextend: tokens at true distances; the paper's are a quarter of the trained context
	Group   int     // selfextend: tokens to a position beyond them; 0: as many as the text asks for
}
