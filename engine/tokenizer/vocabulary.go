package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// parseVocab reads ids by token. Unlike a map read as a whole it tells of a token
// that is there twice, of which one id would be lost.
func parseVocab(raw []byte) (map[string]int, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	open, err := d.Token()
	if err != nil {
		return nil, err
	}
	if open != json.Delim('{') {
		return nil, fmt.Errorf("it starts with %v, expected an object of ids by token", open)
	}
	vocab := map[string]int{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		token, _ := key.(string) // which the keys of an object always are
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		number, ok := value.(json.Number)
		if !ok {
			return nil, fmt.Errorf("token %q has the id %v, expected a whole number", token, value)
		}
		id, err := number.Int64()
		if err != nil || id != int64(int(id)) {
			return nil, fmt.Errorf("token %q has the id %s, expected a whole number below %d", token, number, maxTokens)
		}
		if old, ok := vocab[token]; ok {
			return nil, fmt.Errorf("token %q has the ids %d and %d, expected one", token, old, id)
		}
		vocab[token] = int(id)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the object, expected its end")
	}
	return vocab, nil
}

// maxTokens bounds ids, and maxGap the unused ids before one, so that a few
// bytes that hold a large id make no large table.
const (
	maxTokens = 1 << 21
	maxGap    = 1 << 12
)

// checkID takes ids that could be of a vocabulary of n tokens, or soon after.
func checkID(text string, id, n int) error {
	if limit := min(n+maxGap, maxTokens); id < 0 || id >= limit {
		return fmt.Errorf("token %q has id %d, expected 0 to %d", text, id, limit-1)
	}
	return nil
}

// setVocab makes the tokens of a spec. Ids that no token has become unused ones.
func (s *Spec) setVocab(raw []byte) error {
	if len(raw) == 0 {
		return fmt.Errorf("it is missing or empty, expected an object of ids by token")
	}
	vocab, err := parseVocab(raw)
	if err != nil {
		return err
	}
	s.grow(len(vocab))
	for token, id := range vocab {
		if err := checkID(token, id, len(vocab)); err != nil {
			return err
		}
		s.grow(id + 1)
		if s.Types[id] != typeUnused {
			return fmt.Errorf("tokens %q and %q have id %d, expected one each", s.Tokens[id], token, id)
		}
		s.Tokens[id], s.Types[id] = token, typeNormal
	}
	return nil
}

// grow adds unused ids up to n.
func (s *Spec) grow(n int) {
	for id := len(s.Tokens); id < n; id++ {
		s.Tokens, s.Types = append(s.Tokens, ""), append(s.Types, typeUnused)
		if s.Attributes != nil {
			s.Attributes = append(s.Attributes, 0)
		}
	}
}

// nameUnused gives ids that no token has a name of their own each, as all
// tokens have.
func (s *Spec) nameUnused() {
	for id, kind := range s.Types {
		if kind == typeUnused {
			s.Tokens[id] = fmt.Sprintf("[unused %d]", id)
		}
	}
}

// added is a token of added_tokens or added_tokens_decoder.
type added struct {
	Content    string `json:"content"`
	Special    bool   `json:"special"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
}

func (a added) attributes() int32 {
	var bits int32
	for _, f := range []struct {
		is  bool
		bit int32
	}{{a.LStrip, AttrLStrip}, {a.RStrip, AttrRStrip}, {a.SingleWord, AttrSingleWord}, {a.Normalized, AttrNormalized}} {
		if f.is {
			bits |= f.bit
		}
	}
	return bits
}

// addToken puts an added token in its place, where it may be already.
func (s *Spec) addToken(id int, a added) error {
	if err := checkID(a.Content, id, len(s.Tokens)); err != nil {
		return err
	}
	s.grow(id + 1)
	if old := s.Tokens[id]; s.Types[id] != typeUnused && old != a.Content {
		return fmt.Errorf("tokens %q and %q have id %d, expected one each", old, a.Content, id)
	}
	s.Tokens[id], s.Types[id] = a.Content, typeUser
	if a.Special {
		s.Types[id] = typeControl
	}
	bits := a.attributes()
	if bits != 0 && s.Attributes == nil {
		s.Attributes = make([]int32, len(s.Tokens))
	}
	if s.Attributes != nil {
		s.Attributes[id] = bits
	}
	return nil
}

// finishAttributes ends the making of a spec: where no normalizer spells spaces
// text is looked through as it is, by whatever name.
func (s *Spec) finishAttributes(normalized bool) {
	some := false
	for id := range s.Attributes {
		if !normalized {
			s.Attributes[id] &^= AttrNormalized
		}
		some = some || s.Attributes[id] != 0
	}
	if !some {
		s.Attributes = nil
	}
}
