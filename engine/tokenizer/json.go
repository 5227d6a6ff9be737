package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
)

// hfTokenizer is the part of tokenizer.json that matters to byte-level BPE.
type hfTokenizer struct {
	AddedTokens []struct {
		ID      int    `json:"id"`
		Content string `json:"content"`
		Special bool   `json:"special"`
	} `json:"added_tokens"`
	Normalizer   *hfStep `json:"normalizer"`
	PreTokenizer *hfStep `json:"pre_tokenizer"`
	Model        struct {
		Type         string          `json:"type"`
		Vocab        map[string]int  `json:"vocab"`
		Merges       json.RawMessage `json:"merges"`
		IgnoreMerges bool            `json:"ignore_merges"`
		ByteFallback bool            `json:"byte_fallback"`
	} `json:"model"`
}

type hfStep struct {
	Type             string   `json:"type"`
	Pretokenizers    []hfStep `json:"pretokenizers"`
	Normalizers      []hfStep `json:"normalizers"`
	IndividualDigits bool     `json:"individual_digits"`
	AddPrefixSpace   bool     `json:"add_prefix_space"`
	UseRegex         *bool    `json:"use_regex"`
	Pattern          struct {
		Regex  string
		String string
	} `json:"pattern"`
}

// The regular expressions by which Split pre-tokenizers are recognised.
const (
	regexQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	regexLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

// FromJSON reads a tokenizer.json of the Hugging Face tokenizers library and,
// where it is not nil, the tokenizer_config.json beside it. name is for errors.
// Of normalizers NFC is taken to have been applied: text is expected in it, as
// nearly all text is.
func FromJSON(name string, tokenizerJSON, tokenizerConfigJSON []byte) (Spec, error) {
	s, err := fromJSON(tokenizerJSON)
	s.Name = name
	if err == nil {
		err = s.addConfig(tokenizerConfigJSON)
	}
	if err != nil {
		return Spec{}, fmt.Errorf("tokenizer: %s: %w", name, err)
	}
	return s, nil
}

func fromJSON(data []byte) (Spec, error) {
	var h hfTokenizer
	if err := json.Unmarshal(data, &h); err != nil {
		return Spec{}, err
	}
	if h.Model.Type != "BPE" && h.Model.Type != "" {
		return Spec{}, fmt.Errorf("model.type is %q, expected BPE", h.Model.Type)
	}
	if h.Model.ByteFallback {
		return Spec{}, fmt.Errorf("model.byte_fallback is true: SentencePiece vocabularies are not supported; byte-level ones are")
	}
	s := Spec{BOS: -1, EOS: -1, PAD: -1, UNK: -1, IgnoreMerges: h.Model.IgnoreMerges}
	var err error
	if s.Pre, err = h.pre(); err != nil {
		return s, err
	}
	if n := h.Normalizer; n != nil && n.Type != "NFC" {
		return s, fmt.Errorf("normalizer.type is %q, expected none or NFC", n.Type)
	}
	if s.Merges, err = parseMerges(h.Model.Merges); err != nil {
		return s, err
	}
	if err := s.setVocab(h.Model.Vocab); err != nil {
		return s, err
	}
	for _, a := range h.AddedTokens {
		kind := int32(typeUser)
		if a.Special {
			kind = typeControl
		}
		if err := s.addToken(a.ID, a.Content, kind); err != nil {
			return s, fmt.Errorf("added_tokens: %w", err)
		}
	}
	return s, nil
}

// pre recognises the pre-tokenizer.
func (h hfTokenizer) pre() (string, error) {
	p := h.PreTokenizer
	if p == nil {
		return "", fmt.Errorf("pre_tokenizer is missing")
	}
	steps := []hfStep{*p}
	if p.Type == "Sequence" {
		steps = p.Pretokenizers
	}
	pre, byteLevel := "", false
	for _, s := range steps {
		switch {
		case s.Type == "ByteLevel" && !s.AddPrefixSpace:
			byteLevel = true
			if pre == "" && (s.UseRegex == nil || *s.UseRegex) {
				pre = "gpt-2"
			}
		case s.Type == "Digits" && s.IndividualDigits && pre == "":
			pre = "smollm"
		case s.Type == "Split" && s.Pattern.Regex == regexQwen2 && pre == "":
			pre = "qwen2"
		case s.Type == "Split" && s.Pattern.Regex == regexLlama3 && pre == "":
			pre = "llama-bpe"
		default:
			return "", fmt.Errorf("pre_tokenizer: step %s (%s) is not supported: the splits of GPT-2, SmolLM, Qwen2 and Llama-3 are", s.Type, s.Pattern.Regex+s.Pattern.String)
		}
	}
	if !byteLevel || pre == "" {
		return "", fmt.Errorf("pre_tokenizer is no byte-level one: the splits of GPT-2, SmolLM, Qwen2 and Llama-3 are supported")
	}
	return pre, nil
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
	plain = plain[:0] // the failed attempt left empty strings
	for i, p := range pairs {
		if len(p) != 2 {
			return nil, fmt.Errorf("model.merges: merge %d has %d parts, expected 2", i, len(p))
		}
		plain = append(plain, p[0]+" "+p[1])
	}
	return plain, nil
}

// maxTokens bounds ids, so that one large id makes no large table.
const maxTokens = 1 << 22

func (s *Spec) setVocab(vocab map[string]int) error {
	s.Tokens, s.Types = make([]string, len(vocab)), make([]int32, len(vocab))
	filled := make([]bool, len(vocab))
	for token, id := range vocab {
		if id < 0 || id >= maxTokens {
			return fmt.Errorf("model.vocab: token %q has id %d, expected 0 to %d", token, id, maxTokens-1)
		}
		if id >= len(s.Tokens) {
			s.grow(id + 1)
			filled = append(filled, make([]bool, id+1-len(filled))...)
		}
		if filled[id] {
			return fmt.Errorf("model.vocab: tokens %q and %q have id %d, expected one each", s.Tokens[id], token, id)
		}
		s.Tokens[id], s.Types[id], filled[id] = token, typeNormal, true
	}
	for id, ok := range filled {
		if !ok {
			s.leaveOut(id)
		}
	}
	return nil
}

// grow adds unused ids up to n.
func (s *Spec) grow(n int) {
	for id := len(s.Tokens); id < n; id++ {
		s.Tokens, s.Types = append(s.Tokens, ""), append(s.Types, typeUnused)
		s.leaveOut(id)
	}
}

func (s *Spec) leaveOut(id int) {
	s.Tokens[id], s.Types[id] = fmt.Sprintf("[unused %d]", id), typeUnused
}

func (s *Spec) addToken(id int, text string, kind int32) error {
	if id < 0 || id >= maxTokens {
		return fmt.Errorf("token %q has id %d, expected 0 to %d", text, id, maxTokens-1)
	}
	s.grow(id + 1)
	if old := s.Tokens[id]; s.Types[id] != typeUnused && old != text {
		return fmt.Errorf("tokens %q and %q have id %d, expected one each", old, text, id)
	}
	s.Tokens[id], s.Types[id] = text, kind
	return nil
}

// FromVocabMerges reads the older layout of byte-level BPE: vocab.json and
// merges.txt, and tokenizer_config.json where it is not nil. pre names the
// split, which these files do not.
func FromVocabMerges(name string, vocabJSON, mergesTXT, tokenizerConfigJSON []byte, pre string) (Spec, error) {
	s := Spec{Pre: pre, BOS: -1, EOS: -1, PAD: -1, UNK: -1}
	err := func() error {
		var vocab map[string]int
		if err := json.Unmarshal(vocabJSON, &vocab); err != nil {
			return err
		}
		if err := s.setVocab(vocab); err != nil {
			return err
		}
		for i, line := range strings.Split(string(bytes.TrimPrefix(mergesTXT, []byte("\ufeff"))), "\n") {
			line = strings.TrimSuffix(line, "\r")
			if line != "" && !(i == 0 && strings.HasPrefix(line, "#version")) {
				s.Merges = append(s.Merges, line)
			}
		}
		return s.addConfig(tokenizerConfigJSON)
	}()
	s.Name = name
	if err != nil {
		return Spec{}, fmt.Errorf("tokenizer: %s: %w", name, err)
	}
	return s, nil
}

// addConfig takes special tokens and the chat template from a
// tokenizer_config.json.
func (s *Spec) addConfig(data []byte) error {
	if data == nil {
		return nil
	}
	var c struct {
		Added map[string]struct {
			Content string `json:"content"`
			Special bool   `json:"special"`
		} `json:"added_tokens_decoder"`
		BOS      tokenName       `json:"bos_token"`
		EOS      tokenName       `json:"eos_token"`
		PAD      tokenName       `json:"pad_token"`
		UNK      tokenName       `json:"unk_token"`
		AddBOS   bool            `json:"add_bos_token"`
		Template json.RawMessage `json:"chat_template"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("tokenizer_config.json: %w", err)
	}
	keys := make([]string, 0, len(c.Added))
	for key := range c.Added {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		id := 0
		if _, err := fmt.Sscanf(key, "%d", &id); err != nil {
			return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: id %q, expected a number", key)
		}
		kind := int32(typeUser)
		if c.Added[key].Special {
			kind = typeControl
		}
		if err := s.addToken(id, c.Added[key].Content, kind); err != nil {
			return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w", err)
		}
	}
	byText := make(map[string]int, len(s.Tokens))
	for id, t := range s.Tokens {
		byText[t] = id
	}
	for _, f := range []struct {
		name string
		text tokenName
		id   *int
	}{{"bos_token", c.BOS, &s.BOS}, {"eos_token", c.EOS, &s.EOS}, {"pad_token", c.PAD, &s.PAD}, {"unk_token", c.UNK, &s.UNK}} {
		if f.text == "" {
			continue
		}
		id, ok := byText[string(f.text)]
		if !ok {
			return fmt.Errorf("tokenizer_config.json: %s is %q, expected a token of the vocabulary", f.name, f.text)
		}
		*f.id = id
	}
	s.AddBOS = c.AddBOS
	var template string
	if json.Unmarshal(c.Template, &template) == nil {
		s.ChatTemplate = template
	}
	return nil
}

// tokenName is a token as a string or as an object with its content.
type tokenName string

func (n *tokenName) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*n = tokenName(text)
		return nil
	}
	var o struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	*n = tokenName(o.Content)
	return nil
}
