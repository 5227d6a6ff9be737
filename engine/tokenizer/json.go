package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// hfTokenizer is the part of tokenizer.json that matters to byte-pair encoding.
type hfTokenizer struct {
	AddedTokens []struct {
		ID int `json:"id"`
		added
	} `json:"added_tokens"`
	Normalizer    *hfStep     `json:"normalizer"`
	PreTokenizer  *hfStep     `json:"pre_tokenizer"`
	PostProcessor hfProcessor `json:"post_processor"`
	Decoder       *hfStep     `json:"decoder"`
	Model         struct {
		Type         string          `json:"type"`
		Vocab        json.RawMessage `json:"vocab"`
		Merges       json.RawMessage `json:"merges"`
		Unknown      *string         `json:"unk_token"`
		FuseUnknown  bool            `json:"fuse_unk"`
		IgnoreMerges bool            `json:"ignore_merges"`
		ByteFallback bool            `json:"byte_fallback"`
		Prefix       string          `json:"continuing_subword_prefix"`
		Suffix       string          `json:"end_of_word_suffix"`
		Dropout      float64         `json:"dropout"`
	} `json:"model"`
}

// hfProcessor says which tokens go around a text.
type hfProcessor struct {
	Processors []hfProcessor `json:"processors"`
	Single     []hfAround    `json:"single"`
}

// hfAround is a special token or, where that is empty, the text.
type hfAround struct {
	SpecialToken struct {
		ID string `json:"id"`
	}
}

// around is the special tokens that go before and after a text, "" where there is
// none.
func (p hfProcessor) around() (first, last string) {
	if n := len(p.Single); n > 0 {
		first = p.Single[0].SpecialToken.ID
		if n > 1 {
			last = p.Single[n-1].SpecialToken.ID
		}
		return first, last
	}
	for _, q := range p.Processors {
		if first, last = q.around(); first != "" || last != "" {
			return first, last
		}
	}
	return "", ""
}

// FromJSON reads a tokenizer.json of the Hugging Face tokenizers library and,
// where it is not nil, the tokenizer_config.json beside it. name is for errors.
func FromJSON(name string, tokenizerJSON, tokenizerConfigJSON []byte) (Spec, error) {
	s, err := fromJSON(tokenizerJSON, tokenizerConfigJSON)
	if err != nil {
		return Spec{}, fmt.Errorf("tokenizer: %s: %w", name, err)
	}
	s.Name = name
	return s, nil
}

func fromJSON(data, config []byte) (Spec, error) {
	s := Spec{BOS: -1, EOS: -1, PAD: -1, UNK: -1}
	var h hfTokenizer
	if err := json.Unmarshal(data, &h); err != nil {
		return s, err
	}
	if h.Model.Type != "BPE" && h.Model.Type != "" {
		return s, fmt.Errorf("model.type is %q, expected BPE", h.Model.Type)
	}
	if h.Model.Prefix != "" || h.Model.Suffix != "" {
		return s, fmt.Errorf("model.continuing_subword_prefix is %q and end_of_word_suffix %q, expected none", h.Model.Prefix, h.Model.Suffix)
	}
	if h.Model.Dropout != 0 {
		return s, fmt.Errorf("model.dropout is %v, expected none: ids would be random", h.Model.Dropout)
	}
	s.IgnoreMerges = h.Model.IgnoreMerges
	var err error
	if s.Kind = h.kind(); s.Kind == SentencePiece {
		s.Prefix, err = h.prefix()
	} else if err = h.checkNormalizer(); err == nil {
		s.NFC = len(h.Normalizer.steps()) > 0
		s.Pre, err = preTokenizer(h.PreTokenizer)
	}
	if err != nil {
		return s, err
	}
	if s.Merges, err = parseMerges(h.Model.Merges); err != nil {
		return s, err
	}
	if err := s.setVocab(h.Model.Vocab); err != nil {
		return s, fmt.Errorf("model.vocab: %w", err)
	}
	for _, a := range h.AddedTokens {
		if err := s.addToken(a.ID, a.added); err != nil {
			return s, fmt.Errorf("added_tokens: %w", err)
		}
	}
	first, last := h.PostProcessor.around()
	if err := s.addConfig(config, first, last); err != nil {
		return s, err
	}
	s.finishAttributes(s.Kind == SentencePiece && len(h.Normalizer.steps()) > 0)
	if s.Kind != SentencePiece {
		return s, nil
	}
	return s, s.setPieces(h)
}

// kind tells the two apart: a vocabulary that is not byte-level spells spaces as ▁,
// by its normalizer or by its pre-tokenizer.
func (h *hfTokenizer) kind() Kind {
	if h.Model.ByteFallback || slices.ContainsFunc(h.PreTokenizer.steps(), func(s hfStep) bool { return s.Type == "Metaspace" }) ||
		slices.ContainsFunc(h.Normalizer.steps(), hfStep.underlines) {
		return SentencePiece
	}
	return ByteLevel
}

func (h *hfTokenizer) checkNormalizer() error {
	for _, n := range h.Normalizer.steps() {
		if n.Type != "NFC" {
			return fmt.Errorf("normalizer.type is %q, expected none or NFC", n.Type)
		}
	}
	return nil
}

// setPieces ends the making of a SentencePiece spec: which tokens are bytes, and
// which one stands for characters that have none.
func (s *Spec) setPieces(h hfTokenizer) error {
	bytes := 0
	for id, text := range s.Tokens {
		if _, ok := byteOf(text); ok && h.Model.ByteFallback && s.Types[id] == typeNormal {
			s.Types[id] = typeByte
			bytes++
		}
	}
	s.UNK = -1
	if h.Model.Unknown == nil {
		return nil
	}
	if s.UNK = slices.Index(s.Tokens, *h.Model.Unknown); s.UNK < 0 {
		return fmt.Errorf("model.unk_token is %q, expected a token of the vocabulary", *h.Model.Unknown)
	}
	if !h.Model.FuseUnknown && bytes < 256 {
		return fmt.Errorf("model.fuse_unk is false with tokens of %d of the 256 bytes, expected true", bytes)
	}
	s.Types[s.UNK] = typeUnknown
	return nil
}

// parseMerges reads merges as "a b" or as ["a", "b"].
func parseMerges(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, fmt.Errorf("model.merges is missing: BPE needs them")
	}
	var plain []string
	if json.Unmarshal(raw, &plain) == nil {
		return plain, nil
	}
	var pairs [][]string
	if err := json.Unmarshal(raw, &pairs); err != nil {
		return nil, fmt.Errorf("model.merges: %w", err)
	}
	plain = make([]string, 0, len(pairs))
	for i, p := range pairs {
		if len(p) != 2 {
			return nil, fmt.Errorf("model.merges: merge %d has %d parts, expected 2", i, len(p))
		}
		plain = append(plain, p[0]+" "+p[1])
	}
	return plain, nil
}

// FromVocabMerges reads the older layout of byte-level BPE: vocab.json and
// merges.txt, and tokenizer_config.json where it is not nil. pre names the
// split, which these files do not.
func FromVocabMerges(name string, vocabJSON, mergesTXT, tokenizerConfigJSON []byte, pre string) (Spec, error) {
	s := Spec{Name: name, Pre: pre, NFC: NFCOf(pre), BOS: -1, EOS: -1, PAD: -1, UNK: -1}
	if err := s.setVocab(vocabJSON); err != nil {
		return Spec{}, fmt.Errorf("tokenizer: %s: vocab.json: %w", name, err)
	}
	for i, line := range strings.Split(string(bytes.TrimPrefix(mergesTXT, []byte("\ufeff"))), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line != "" && !(i == 0 && strings.HasPrefix(line, "#version")) {
			s.Merges = append(s.Merges, line)
		}
	}
	if len(s.Merges) == 0 {
		return Spec{}, fmt.Errorf("tokenizer: %s: merges.txt has no merges: byte-level BPE needs them", name)
	}
	if err := s.addConfig(tokenizerConfigJSON, "", ""); err != nil {
		return Spec{}, fmt.Errorf("tokenizer: %s: %w", name, err)
	}
	s.finishAttributes(false)
	return s, nil
}
