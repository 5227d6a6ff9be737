package weights_test

import (
	"fmt"

	"tokenselect/engine/weights"
	"tokenselect/web"
)

func ExampleParseGGUF() {
	_, data := web.DefaultModel()
	m, err := weights.ParseGGUF("needle-16m-q8_0.gguf", data)
	if err != nil {
		fmt.Println(err)
		return
	}
	q := m.Tensors["model.layers.0.self_attn.q_proj.weight"]
	fmt.Printf("%s: %d layers, %d tensors as %s\n", m.Config.Name, m.Config.Layers, len(m.Tensors), m.Quantisation)
	fmt.Println(q.Type, q.Shape)

	_, err = weights.ParseGGUF("cut.gguf", data[:300000])
	fmt.Println(err)
	// Output:
	// needle-16m: 8 layers, 74 tensors as Q8_0
	// Q8_0 [512 384]
	// weights: cut.gguf: tensor token_embd.weight: 3342336 bytes at offset 0, expected within the 25120 bytes of data: the file is cut short or damaged
}
