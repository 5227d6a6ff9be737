package tokenizer

import "fmt"

// underlines tells whether a normalizer spells spaces as ▁.
func (s hfStep) underlines() bool {
	return s.Type == "Replace" && s.Pattern.String == " " && s.Content == underline
}

// prefix is where a SentencePiece vocabulary puts spaces. The files say it in one
// of two ways, by normalizers or by the pre-tokenizer Metaspace.
func (h *hfTokenizer) prefix() (Prefix, error) {
	if err := h.Decoder.checkDecoder(); err != nil {
		return 0, err
	}
	normalizers, pre := h.Normalizer.steps(), h.PreTokenizer.steps()
	switch {
	case len(normalizers) == 0 && len(pre) == 1:
		return pre[0].metaspace()
	case len(pre) > 0:
		return 0, fmt.Errorf("pre_tokenizer: step %s is not supported, expected none beside normalizers, or Metaspace", pre[0].words())
	}
	p, underlined := PrefixNone, false
	for _, s := range normalizers {
		switch {
		case s.Type == "Prepend" && s.Prepend == underline && p == PrefixNone:
			p = PrefixAlways
		case s.underlines():
			underlined = true
		default:
			return 0, fmt.Errorf("normalizer: step %s is not supported: of SentencePiece's, Prepend and Replace are", s.words())
		}
	}
	if !underlined {
		return 0, fmt.Errorf("normalizer: no step makes spaces %s, and the pre-tokenizer is not Metaspace: SentencePiece vocabularies need one of them", underline)
	}
	return p, nil
}

// metaspace is the prefix of a pre-tokenizer that keeps the text whole.
func (s hfStep) metaspace() (Prefix, error) {
	if s.Type != "Metaspace" || s.Replacement != underline || s.Split == nil || *s.Split {
		return 0, fmt.Errorf("pre_tokenizer: step %s is not supported, expected Metaspace with replacement %s that does not split", s.words(), underline)
	}
	never := s.AddPrefixSpace != nil && !*s.AddPrefixSpace
	switch {
	case s.Scheme == "never" || s.Scheme == "" && never:
		return PrefixNone, nil
	case s.Scheme == "first" && !never:
		return PrefixFirst, nil
	case (s.Scheme == "always" || s.Scheme == "") && !never:
		return PrefixMissing, nil
	}
	return 0, fmt.Errorf("pre_tokenizer: Metaspace has prepend_scheme %q and add_prefix_space %v, expected first, always or never, and the same of both", s.Scheme, !never)
}

// checkDecoder takes the decoders that turn tokens into the text that they were
// made of. Whether the first space is taken off is not asked: it is where one is
// put.
func (s *hfStep) checkDecoder() error {
	steps := s.steps()
	if len(steps) == 1 && steps[0].Type == "Metaspace" {
		return nil
	}
	spaces := false
	for _, d := range steps {
		switch d.Type {
		case "Replace":
			if d.Pattern.String != underline || d.Content != " " || spaces {
				return fmt.Errorf("decoder: step Replace makes %q of %q, expected a space of %s", d.Content, d.Pattern.String+d.Pattern.Regex, underline)
			}
			spaces = true
		case "ByteFallback", "Fuse":
		case "Strip":
			if d.Content != " " {
				return fmt.Errorf("decoder: step Strip takes off %q, expected a space", d.Content)
			}
		default:
			return fmt.Errorf("decoder: step %s is not supported: of SentencePiece's, Replace, ByteFallback, Fuse and Strip are", d.words())
		}
	}
	if !spaces {
		return fmt.Errorf("decoder: no step makes %s a space, expected Replace or Metaspace", underline)
	}
	return nil
}
