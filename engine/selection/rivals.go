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
