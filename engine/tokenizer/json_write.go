package tokenizer

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// object is a JSON object whose order does not matter.
type object = map[string]any

// JSON is the spec as a tokenizer.json, which FromJSON and Hugging Face's
// tokenizers read. Scores become the merges that they amount to. Unused tokens are
// left out: their ids are those that no token has.
func (s Spec) JSON() ([]byte, error) {
	t, err := New(s)
	if err != nil {
		return nil, err
	}
	s = t.Spec()
	for id, text := range s.Tokens {
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("tokenizer: %s: token %d is %q, which is not UTF-8: JSON cannot hold it", s.Name, id, text)
		}
	}
	vocab, err := s.vocabJSON()
	if err != nil {
		return nil, err
	}
	merges := s.Merges
	if len(merges) == 0 {
		merges = t.mergesOfScores()
	}
	model := object{
		"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
		"fuse_unk": s.Kind == SentencePiece, "byte_fallback": s.Kind == SentencePiece && slices.Contains(s.Types, typeByte), "ignore_merges": s.IgnoreMerges,
		"vocab": json.RawMessage(vocab), "merges": merges,
	}
	file := object{
		"version": "1.0", "truncation": nil, "padding": nil, "added_tokens": t.addedJSON(),
		"post_processor": s.processorJSON(), "model": model,
	}
	if s.Kind == SentencePiece {
		if s.UNK >= 0 {
			model["unk_token"] = s.Tokens[s.UNK]
		}
		file["normalizer"], file["pre_tokenizer"], file["decoder"] = s.Prefix.json()
	} else {
		file["pre_tokenizer"] = splitJSON(s.Pre)
		if s.NFC {
			file["normalizer"] = object{"type": "NFC"}
		}
		file["decoder"] = object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}
	}
	return encodeJSON(file)
}

// ConfigJSON is the rest of the spec as a tokenizer_config.json.
func (s Spec) ConfigJSON() ([]byte, error) {
	file := object{
		"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
		"add_bos_token": s.AddBOS, "add_eos_token": s.AddEOS,
	}
	for _, f := range []struct {
		name string
		id   int
	}{{"bos_token", s.BOS}, {"eos_token", s.EOS}, {"pad_token", s.PAD}, {"unk_token", s.UNK}} {
		if f.id < -1 || f.id >= len(s.Tokens) {
			return nil, fmt.Errorf("tokenizer: %s: %s is %d, expected an id below %d, or -1", s.Name, f.name, f.id, len(s.Tokens))
		}
		if f.id >= 0 {
			file[f.name] = s.Tokens[f.id]
		}
	}
	if s.ChatTemplate != "" {
		file["chat_template"] = s.ChatTemplate
	}
	return encodeJSON(file)
}

// encodeJSON leaves <, > and & as they are, of which tokens are full.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// vocabJSON is an object of ids by token in the order of the ids.
func (s Spec) vocabJSON() ([]byte, error) {
	b := []byte{'{'}
	for id, text := range s.Tokens {
		if len(s.Types) > 0 && s.Types[id] == typeUnused {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		key, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		b = fmt.Appendf(b, "%s:%d", key, id)
	}
	return append(b, '}'), nil
}

// mergesOfScores are the merges of a vocabulary that has scores, the most urgent
// first. Those of equal urgency, which SentencePiece does from left to right, are
// in the order in which Hugging Face's converter puts them: the longest left part
// first, so that runs of one character grow from the left. Tokens with a space,
// which spelled text does not have, could not be told apart in a merge.
func (t *Tokenizer) mergesOfScores() []string {
	pairs := make([]pair, 0, len(t.merges))
	tokens := t.spec.Tokens
	for p := range t.merges {
		left, right := p.ids()
		if max(left, right) < len(tokens) && !strings.Contains(tokens[left]+tokens[right], " ") {
			pairs = append(pairs, p)
		}
	}
	slices.SortFunc(pairs, func(p, q pair) int {
		left, right := p.ids()
		otherLeft, otherRight := q.ids()
		return cmp.Or(cmp.Compare(t.merges[p].rank, t.merges[q].rank),
			cmp.Compare(utf8.RuneCountInString(tokens[otherLeft]), utf8.RuneCountInString(tokens[left])),
			cmp.Compare(utf8.RuneCountInString(tokens[otherRight]), utf8.RuneCountInString(tokens[right])),
			cmp.Compare(p, q))
	})
	merges := make([]string, len(pairs))
	for i, p := range pairs {
		left, right := p.ids()
		merges[i] = tokens[left] + " " + tokens[right]
	}
	return merges
}

// addedJSON is the tokens that are found in text.
func (t *Tokenizer) addedJSON() []object {
	list := []object{}
	for id, text := range t.spec.Tokens {
		kind, bits := t.kind(id), t.attributes(id)
		switch kind {
		case typeControl, typeUser, typeUnknown:
			list = append(list, object{
				"id": id, "content": text, "special": kind != typeUser,
				"lstrip": bits&AttrLStrip != 0, "rstrip": bits&AttrRStrip != 0,
				"single_word": bits&AttrSingleWord != 0, "normalized": bits&AttrNormalized != 0,
			})
		}
	}
	return list
}

// processorJSON puts BOS and EOS around a text; nil where neither is.
func (s Spec) processorJSON() any {
	single, special := []object{}, object{}
	around := func(add bool, id int) {
		if !add || id < 0 {
			return
		}
		text := s.Tokens[id]
		single = append(single, object{"SpecialToken": object{"id": text, "type_id": 0}})
		special[text] = object{"id": text, "ids": []int{id}, "tokens": []string{text}}
	}
	sequence := func(name string) object { return object{"Sequence": object{"id": name, "type_id": 0}} }
	around(s.AddBOS, s.BOS)
	single = append(single, sequence("A"))
	around(s.AddEOS, s.EOS)
	if len(special) == 0 {
		return nil
	}
	return object{
		"type": "TemplateProcessing", "single": single,
		"pair": append(slices.Clone(single), sequence("B")), "special_tokens": special,
	}
}

// splitJSON is the pre-tokenizer of a split.
func splitJSON(pre string) any {
	level := func(regex bool) object {
		return object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": regex, "use_regex": regex}
	}
	sequence := func(steps ...object) object { return object{"type": "Sequence", "pretokenizers": steps} }
	split := func(regex string) object {
		return sequence(object{"type": "Split", "pattern": object{"Regex": regex}, "behavior": "Isolated", "invert": false}, level(false))
	}
	switch pre {
	case "smollm":
		return sequence(object{"type": "Digits", "individual_digits": true}, level(true))
	case "qwen2":
		return split(regexQwen2)
	case "llama-bpe":
		return split(regexLlama3)
	case "tekken":
		return split(regexTekken)
	}
	return level(true)
}

// json is the normalizer, the pre-tokenizer and the decoder of a prefix.
func (p Prefix) json() (normalizer, preTokenizer, decoder any) {
	replace := func(from, to string) object {
		return object{"type": "Replace", "pattern": object{"String": from}, "content": to}
	}
	metaspace := func(scheme string) object {
		return object{"type": "Metaspace", "replacement": underline, "prepend_scheme": scheme, "split": false}
	}
	decoders := []object{replace(underline, " "), {"type": "ByteFallback"}, {"type": "Fuse"}}
	if p != PrefixNone {
		decoders = append(decoders, object{"type": "Strip", "content": " ", "start": 1, "stop": 0})
	}
	decoder = object{"type": "Sequence", "decoders": decoders}
	switch p {
	case PrefixAlways:
		prepend := object{"type": "Prepend", "prepend": underline}
		return object{"type": "Sequence", "normalizers": []object{prepend, replace(" ", underline)}}, nil, decoder
	case PrefixMissing:
		return nil, metaspace("always"), decoder
	case PrefixFirst:
		return nil, metaspace("first"), decoder
	}
	return replace(" ", underline), nil, decoder
}
