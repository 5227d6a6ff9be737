package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// hfTokenizer is the part of tokenizer.json that matters to byte-level BPE.
type hfTokenizer struct {
	AddedTokens []struct {
		ID int `json:"id"`
		added
	} `json:"added_tokens"`
	Normalizer    *hfStep     `json:"normalizer"`
	PreTokenizer  *hfStep     `json:"pre_tokenizer"`
	PostProcessor hfProcessor `json:"post_processor"`
	Model         struct {
		Type         string          `json:"type"`
		Vocab        json.RawMessage `json:"vocab"`
		Merges       json.RawMessage `json:"merges"`
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
	Single     []struct {
		SpecialToken struct {
			ID string `json:"id"`
		}
	} `json:"single"`
}

// first is the special token that goes before a text, "" where there is none.
func (p hfProcessor) first() string {
	if len(p.Single) > 0 {
		return p.Single[0].SpecialToken.ID
	}
	for _, q := range p.Processors {
		if token := q.first(); token != "" {
			return token
		}
	}
	return ""
}

// FromJSON reads a tokenizer.json of the Hugging Face tokenizers library and,
// where it is not nil, the tokenizer_config.json beside it. name is for errors.
// Of normalizers NFC is taken to have been applied: text is expected in it, as
// nearly all text is.
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
	if h.Model.ByteFallback {
		return s, fmt.Errorf("model.byte_fallback is true: SentencePiece vocabularies are not supported; byte-level ones are")
	}
	if h.Model.Prefix != "" || h.Model.Suffix != "" {
		return s, fmt.Errorf("model.continuing_subword_prefix is %q and end_of_word_suffix %q, expected none", h.Model.Prefix, h.Model.Suffix)
	}
	if h.Model.Dropout != 0 {
		return s, fmt.Errorf("model.dropout is %v, expected none: ids would be random", h.Model.Dropout)
	}
	if n := h.Normalizer; n != nil && n.Type != "NFC" {
		return s, fmt.Errorf("normalizer.type is %q, expected none or NFC", n.Type)
	}
	s.IgnoreMerges = h.Model.IgnoreMerges
	var err error
	if s.Pre, err = preTokenizer(h.PreTokenizer); err != nil {
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
	return s, s.addConfig(config, h.PostProcessor.first())
}

// parseMerges reads merges as "a b" or as ["a", "b"].
func parseMerges(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, fmt.Errorf("model.merges is missing: byte-level BPE needs them")
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
	s := Spec{Name: name, Pre: pre, BOS: -1, EOS: -1, PAD: -1, UNK: -1}
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
	if err := s.addConfig(tokenizerConfigJSON, ""); err != nil {
		return Spec{}, fmt.Errorf("tokenizer: %s: %w", name, err)
	}
	return s, nil
}
