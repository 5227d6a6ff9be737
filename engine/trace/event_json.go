package trace

// Bytes is the event as JSON.
func (e Event) Bytes() []byte { return e.Append(nil) }

// Append appends the event as JSON.
func (e Event) Append(b []byte) []byte {
	o := begin(b)
	o.key("type")
	o.b = appendString(o.b, e.Type)
	o.integer("id", int64(e.ID))
	o.integer("seq", int64(e.Seq))
	o.integer("v", int64(e.V))
	o.text("session", e.Session)
	o.text("where", e.Where)
	o.yes("resumed", e.Resumed)
	o.text("phase", e.Phase)
	o.integer("done", e.Done)
	o.integer("total", e.Total)
	if e.Info != nil {
		o.key("info")
		o.b = e.Info.append(o.b)
	}
	o.integer("tokens", int64(e.Tokens))
	if e.Memory != nil {
		o.key("memory")
		o.b = e.Memory.append(o.b)
	}
	o.text("warning", e.Warning)
	o.integer("position", int64(e.Position))
	if e.Document != nil {
		o.key("document")
		o.b = e.Document.append(o.b)
	}
	o.rows(e.Rows)
	o.text("text", e.Text)
	o.integer("token", int64(e.Token))
	o.integer("len", int64(e.Len))
	o.float("ms", e.MS, 64)
	if e.Step != nil {
		o.key("step")
		o.b = e.Step.append(o.b)
	}
	o.float("p", e.P, 64)
	o.likely(e.Top)
	o.text("reason", e.Reason)
	if e.Stats != nil {
		o.key("stats")
		o.b = e.Stats.append(o.b)
	}
	if e.Selection != nil {
		o.key("selection")
		o.b = e.Selection.append(o.b)
	}
	if e.Error != nil {
		o.key("error")
		p := begin(o.b)
		p.key("code")
		p.b = appendString(p.b, e.Error.Code)
		p.key("message")
		p.b = appendString(p.b, e.Error.Message)
		p.text("hint", e.Error.Hint)
		o.b = p.end()
	}
	return o.end()
}

func (i *Info) append(b []byte) []byte {
	o := begin(b)
	o.always("model", i.Model)
	o.always("architecture", i.Architecture)
	o.always("quantisation", i.Quantisation)
	o.number("layers", int64(i.Layers))
	o.number("heads", int64(i.Heads))
	o.number("kv_heads", int64(i.KVHeads))
	o.integer("head_dim", int64(i.HeadDim))
	o.number("context", int64(i.Context))
	o.number("vocab", int64(i.Vocab))
	o.always("device", i.Device)
	o.always("adapter", i.Adapter)
	o.always("kind", i.Kind)
	o.always("backend", i.Backend)
	o.always("why", i.Why)
	o.text("kv", i.KV)
	o.float("rate", i.Rate, 64)
	o.key("selection")
	o.b = i.Selection.append(o.b)
	o.key("policies")
	o.b = append(o.b, '[')
	for n, p := range i.Policies {
		if n > 0 {
			o.b = append(o.b, ',')
		}
		o.b = appendString(o.b, p)
	}
	o.b = append(o.b, ']')
	o.number("weights", i.Weights)
	return o.end()
}

// always writes a text that may be empty.
func (o *object) always(name, v string) {
	o.key(name)
	o.b = appendString(o.b, v)
}

func (m *Memory) append(b []byte) []byte {
	o := begin(b)
	o.number("weights", m.Weights)
	o.number("cache", m.Cache)
	o.number("selection", m.Selection)
	o.number("work", m.Work)
	o.integer("recording", m.Recording)
	o.number("total", m.Total)
	return o.end()
}

func (r *Rows) append(b []byte) []byte {
	o := begin(b)
	o.number("first", int64(r.First))
	o.key("lens")
	o.b = appendInts(o.b, r.Lens)
	return o.end()
}

func (s *Stats) append(b []byte) []byte {
	o := begin(b)
	o.number("prompt_tokens", int64(s.PromptTokens))
	o.number("answer_tokens", int64(s.AnswerTokens))
	o.number("context", int64(s.Context))
	o.measure("first_ms", s.FirstMS)
	o.measure("prefill_tps", s.PrefillTPS)
	o.measure("decode_tps", s.DecodeTPS)
	o.number("cache_hits", int64(s.CacheHits))
	o.number("cache_misses", int64(s.CacheMisses))
	o.number("kv_bytes", s.KVBytes)
	return o.end()
}

// measure writes a figure that may be 0.
func (o *object) measure(name string, v float64) {
	if v == 0 {
		o.number(name, 0)
		return
	}
	o.float(name, v, 64)
}

func (s *Selection) append(b []byte) []byte {
	o := begin(b)
	o.text("policy", s.Policy)
	for _, f := range []struct {
		name string
		v    *int
	}{{"n_init", s.NInit}, {"n_local", s.NLocal}, {"k", s.K}, {"chunk", s.Chunk}, {"tail", s.Tail}, {"pool", s.Pool}} {
		if f.v != nil {
			o.number(f.name, int64(*f.v))
		}
	}
	if s.Theta != nil {
		o.measure("theta", *s.Theta)
	}
	o.text("index", s.Index)
	return o.end()
}

func (o *object) rows(rows []RowText) {
	o.array("rows", len(rows), func(b []byte, i int) []byte {
		p := begin(b)
		p.number("row", int64(rows[i].Row))
		p.always("text", rows[i].Text)
		return p.end()
	})
}

func (o *object) likely(tokens []Likely) {
	o.array("top", len(tokens), func(b []byte, i int) []byte {
		p := begin(b)
		p.number("token", int64(tokens[i].Token))
		p.always("text", tokens[i].Text)
		p.measure("p", tokens[i].P)
		return p.end()
	})
}
