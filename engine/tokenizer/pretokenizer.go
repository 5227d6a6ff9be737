package tokenizer

import (
	"fmt"
	"slices"
)

// hfStep is a normalizer, a pre-tokenizer or a decoder of tokenizer.json.
type hfStep struct {
	Type             string   `json:"type"`
	Normalizers      []hfStep `json:"normalizers"`
	Pretokenizers    []hfStep `json:"pretokenizers"`
	Decoders         []hfStep `json:"decoders"`
	IndividualDigits bool     `json:"individual_digits"`
	AddPrefixSpace   *bool    `json:"add_prefix_space"` // true where it is missing
	UseRegex         *bool    `json:"use_regex"`        // likewise
	Behavior         string   `json:"behavior"`
	Invert           bool     `json:"invert"`
	Pattern          struct {
		Regex  string
		String string
	} `json:"pattern"`
	Prepend     string `json:"prepend"`
	Content     string `json:"content"`
	Replacement string `json:"replacement"`
	Scheme      string `json:"prepend_scheme"`
	Split       *bool  `json:"split"` // true where it is missing
}

// steps are those of a Sequence, or the one that it is itself.
func (s *hfStep) steps() []hfStep {
	switch {
	case s == nil:
		return nil
	case s.Type == "Sequence":
		return slices.Concat(s.Normalizers, s.Pretokenizers, s.Decoders)
	}
	return []hfStep{*s}
}

// The regular expressions by which Split pre-tokenizers are recognised.
const (
	regexQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	regexTekken = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	regexLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// preTokenizer is GGUF's name of a pre-tokenizer. What is known is ByteLevel
// alone, or after one step that splits; that ByteLevel splits once more belongs
// to SmolLM's and to no other.
func preTokenizer(p *hfStep) (string, error) {
	if p == nil {
		return "", fmt.Errorf("pre_tokenizer is missing, expected ByteLevel")
	}
	steps := p.steps()
	if len(steps) == 0 || len(steps) > 2 {
		return "", fmt.Errorf("pre_tokenizer has %d steps, expected ByteLevel, or a split and ByteLevel", len(steps))
	}
	pre, again := "gpt-2", true
	if len(steps) == 2 {
		switch s := steps[0]; {
		case s.Type == "Digits" && s.IndividualDigits:
			pre = "smollm"
		case s.isolates() && s.Pattern.Regex == regexQwen2:
			pre, again = "qwen2", false
		case s.isolates() && s.Pattern.Regex == regexLlama3:
			pre, again = "llama-bpe", false
		case s.isolates() && s.Pattern.Regex == regexTekken:
			pre, again = "tekken", false
		default:
			return "", fmt.Errorf("pre_tokenizer: step %s is not supported: the splits of GPT-2, SmolLM, Qwen2, Llama-3 and Tekken are", s.words())
		}
	}
	last := steps[len(steps)-1]
	if last.Type != "ByteLevel" || last.AddPrefixSpace == nil || *last.AddPrefixSpace {
		return "", fmt.Errorf("pre_tokenizer: step %s is not supported, expected ByteLevel without a prefix space", last.words())
	}
	if splits := last.UseRegex == nil || *last.UseRegex; splits != again {
		return "", fmt.Errorf("pre_tokenizer: step ByteLevel: use_regex is %v, expected %v with the split %s", splits, again, pre)
	}
	return pre, nil
}

// isolates tells whether a step makes what its pattern matches words of their
// own and drops nothing.
func (s hfStep) isolates() bool {
	return s.Type == "Split" && !s.Invert && (s.Behavior == "" || s.Behavior == "Isolated")
}

// words names a step in an error.
func (s hfStep) words() string {
	switch s.Type {
	case "Split":
		return fmt.Sprintf("Split by %q (behavior %q, invert %v)", s.Pattern.Regex+s.Pattern.String, s.Behavior, s.Invert)
	case "Replace":
		return fmt.Sprintf("Replace of %q by %q", s.Pattern.Regex+s.Pattern.String, s.Content)
	case "Prepend":
		return fmt.Sprintf("Prepend of %q", s.Prepend)
	case "Metaspace":
		return fmt.Sprintf("Metaspace (replacement %q, split %v)", s.Replacement, s.Split == nil || *s.Split)
	case "Digits":
		return fmt.Sprintf("Digits (individual_digits %v)", s.IndividualDigits)
	}
	return fmt.Sprintf("%q", s.Type)
}
