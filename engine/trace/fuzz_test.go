package trace

import (
	"bytes"
	"testing"
)

// FuzzCommand: a command that is taken says the same once it has been written and
// read again.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		`{"type":"hello","v":2,"session":"ab","seq":3}`,
		`{"type":"load","id":1,"model":"m","device":"cpu","kv":"f16"}`,
		`{"type":"open","document":"One 😀 <b>","context":4096,"selection":{"policy":"tokenselect","n_init":4,"n_local":64,"k":32,"theta":0.9,"index":"int8"}}`,
		`{"type":"ask","id":7,"question":"What?","max_tokens":9,"again":true,"record":{"votes":true,"heads":2,"scores":[{"layer":0,"head":1}]},"sample":{"temperature":0.7,"top_k":40,"seed":18446744073709551615}}`,
		`{"type":"stop","id":7} `, `{"type":"select","selection":{}}`, `{"type":"ask","record":{"scores":[]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseCommand(raw)
		if err != nil {
			return
		}
		written := c.Bytes()
		again, err := ParseCommand(written)
		if err != nil || !bytes.Equal(again.Bytes(), written) {
			t.Fatalf("%s is written as %s and read as %s, %v", raw, written, again.Bytes(), err)
		}
	})
}

// FuzzEvent: an event that is taken says the same once it has been written and read
// again, and its rows, coded against none, are decoded or refused.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{
		`{"type":"layout","id":3,"document":{"first":1,"lens":[4,3,2]},"rows":[{"row":0,"text":"<s>"}]}`,
		`{"type":"prefill","id":3,"done":5,"total":5,"ms":2}`,
		`{"type":"token","id":3,"text":"b\u007f","token":7,"len":5,"p":0.75,"top":[{"token":7,"text":"b","p":0.75}],"step":{"n":5,"n_init":1,"n_local":1,"layers":[` +
			`{"a":5,"r":[1,2],"v":"yLQ=","cut":[0.5,-0],"top":[[3,1],[]],"w":"vmQ=","scores":[{"head":2,"lo":-1,"hi":1,"b":"AAk=","q":[1],"keys":[{"row":2,"k":[1e-9]}]}]},` +
			`{"a":5,"all":true,"mass":[[0.5,0.5,0,0]],"blocks":{"1":0.5,"8":0,"16":0,"32":0,"64":0,"128":1}},{"a":5,"h":true,"+":[2],"-":[3]}]}}`,
		`{"type":"error","id":1,"error":{"code":"bad_command","message":"no\n"}}`,
		`{"type":"done","id":3,"reason":"stop","text":"b","stats":{}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := ParseEvent(raw)
		if err != nil {
			return
		}
		written := e.Bytes()
		again, err := ParseEvent(written)
		if err != nil || !bytes.Equal(again.Bytes(), written) {
			t.Fatalf("%s is written as %s and read as %s, %v", raw, written, again.Bytes(), err)
		}
		if e.Step == nil {
			return
		}
		var d Decoder
		for i, l := range e.Step.Layers {
			if rows, err := d.Layer(i, l); err == nil && rows == nil && !l.All {
				t.Fatalf("layer %d, %+v, has no rows and no error", i, l)
			}
		}
	})
}
