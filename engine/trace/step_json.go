package trace

import "strconv"

func (s *Step) append(b []byte) []byte {
	o := begin(b)
	o.number("n", int64(s.N))
	o.number("n_init", int64(s.NInit))
	o.number("n_local", int64(s.NLocal))
	o.key("layers")
	o.b = appendList(o.b, len(s.Layers), func(b []byte, i int) []byte { return s.Layers[i].append(b) })
	o.array("kernels", len(s.Kernels), func(b []byte, i int) []byte {
		p := begin(b)
		p.always("name", s.Kernels[i].Name)
		p.measure("ms", s.Kernels[i].MS)
		return p.end()
	})
	return o.end()
}

func (l *Layer) append(b []byte) []byte {
	o := begin(b)
	o.number("a", int64(l.Attended))
	o.yes("h", l.Hit)
	o.float("c", float64(l.Cosine), 32)
	o.yes("sliding", l.Sliding)
	o.list("r", l.Rows)
	o.list("+", l.Add)
	o.list("-", l.Drop)
	o.yes("all", l.All)
	o.bytes("v", l.Votes)
	o.floats("cut", l.Cut)
	o.integer("candidates", int64(l.Candidates))
	o.float("q", float64(l.Turn), 32)
	o.array("mass", len(l.Mass), func(b []byte, i int) []byte { return appendFloats(b, l.Mass[i]) })
	o.floats("near", l.Near)
	o.array("top", len(l.Top), func(b []byte, i int) []byte { return appendInts(b, l.Top[i]) })
	o.bytes("w", l.Weights)
	o.bytes("hv", l.HeadVotes)
	o.array("scores", len(l.Scores), func(b []byte, i int) []byte {
		s := &l.Scores[i]
		p := begin(b)
		p.number("head", int64(s.Head))
		p.measure("lo", s.Lo)
		p.measure("hi", s.Hi)
		p.bytes("b", s.Values)
		p.floats("q", s.Query)
		p.array("keys", len(s.Keys), func(b []byte, i int) []byte {
			k := begin(b)
			k.number("row", int64(s.Keys[i].Row))
			k.key("k")
			k.b = appendFloats(k.b, s.Keys[i].Values)
			return k.end()
		})
		return p.end()
	})
	if l.Blocks != nil {
		o.key("blocks")
		o.b = l.Blocks.append(o.b)
	}
	return o.end()
}

func (b *Blocks) append(to []byte) []byte {
	o := begin(to)
	for i, share := range b {
		o.key(strconv.Itoa(BlockSizes[i]))
		o.b = appendFloat(o.b, share)
	}
	return o.end()
}
