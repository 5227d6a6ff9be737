package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// hfConfig is the part of tokenizer_config.json that matters.
type hfConfig struct {
	Added    map[string]added `json:"added_tokens_decoder"` // by id
	BOS      tokenName        `json:"bos_token"`
	EOS      tokenName        `json:"eos_token"`
	PAD      tokenName        `json:"pad_token"`
	UNK      tokenName        `json:"unk_token"`
	AddBOS   *bool            `json:"add_bos_token"`
	AddEOS   *bool            `json:"add_eos_token"`
	Template chatTemplate     `json:"chat_template"`
}

// addConfig ends the making of a spec: it takes special tokens and the chat
// template from a tokenizer_config.json, where data is not nil. first and last are
// the tokens that the tokenizer puts around a text: where they are BOS and EOS, and
// the file does not say otherwise, texts begin and end with them. Without the file
// that is what they are.
func (s *Spec) addConfig(data []byte, first, last string) error {
	defer s.nameUnused()
	if data == nil {
		for _, f := range []struct {
			text string
			id   *int
			add  *bool
		}{{first, &s.BOS, &s.AddBOS}, {last, &s.EOS, &s.AddEOS}} {
			if f.text == "" {
				continue
			}
			if *f.id = slices.Index(s.Tokens, f.text); *f.id < 0 {
				return fmt.Errorf("post_processor: token %q is not of the vocabulary", f.text)
			}
			*f.add = true
		}
		return nil
	}
	var c hfConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("tokenizer_config.json: %w", err)
	}
	if err := s.addTokens(c.Added); err != nil {
		return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %w", err)
	}
	for _, f := range []struct {
		name string
		text tokenName
		id   *int
	}{{"bos_token", c.BOS, &s.BOS}, {"eos_token", c.EOS, &s.EOS}, {"pad_token", c.PAD, &s.PAD}, {"unk_token", c.UNK, &s.UNK}} {
		if f.text == "" {
			continue
		}
		if *f.id = slices.Index(s.Tokens, string(f.text)); *f.id < 0 {
			return fmt.Errorf("tokenizer_config.json: %s is %q, expected a token of the vocabulary", f.name, f.text)
		}
	}
	s.AddBOS = first != "" && first == string(c.BOS)
	if c.AddBOS != nil {
		s.AddBOS = *c.AddBOS
	}
	s.AddEOS = last != "" && last == string(c.EOS)
	if c.AddEOS != nil {
		s.AddEOS = *c.AddEOS
	}
	s.ChatTemplate = string(c.Template)
	return nil
}

// addTokens adds tokens in the order of their ids, so that one far beyond the
// others is told from the last of many.
func (s *Spec) addTokens(byID map[string]added) error {
	ids, texts := make([]int, 0, len(byID)), make(map[int]added, len(byID))
	for key, a := range byID {
		id, err := strconv.Atoi(key)
		if err != nil {
			return fmt.Errorf("token %q has id %q, expected a whole number", a.Content, key)
		}
		if other, ok := texts[id]; ok {
			return fmt.Errorf("tokens %q and %q have id %d, expected one each", other.Content, a.Content, id)
		}
		ids, texts[id] = append(ids, id), a
	}
	slices.Sort(ids)
	for _, id := range ids {
		if err := s.addToken(id, texts[id]); err != nil {
			return err
		}
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

// chatTemplate is a template as a string, or of several that have names the one
// that is named default.
type chatTemplate string

func (c *chatTemplate) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*c = chatTemplate(text)
		return nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for _, t := range list {
		if t.Name == "default" {
			*c = chatTemplate(t.Template)
		}
	}
	return nil
}
