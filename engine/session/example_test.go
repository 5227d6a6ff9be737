package session_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"tokenselect/engine"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/grammar"
	"tokenselect/engine/selection"
	"tokenselect/engine/session"
	"tokenselect/engine/weights"
	"tokenselect/web"
)

const letter = `Dear Nora, the harvest was poor this year. Ada Dixon keeps a fox at home. The road to Oxford is closed.`

// Load a model, ask a question about a document, and print the answer as it
// comes.
func Example() {
	dev := cpudev.New(cpudev.Options{}) // or wgpunative.Open
	defer dev.Close()
	ckpt, err := weights.ParseGGUF(web.DefaultModel()) // or weights.Open("model.gguf")
	if err != nil {
		log.Fatal(err)
	}
	m, err := session.Load(dev, ckpt, engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	c, err := m.NewConversation(letter, session.Options{
		Selection: selection.Default(ckpt.Config.Context),
		MaxTokens: 32,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = c.Ask(context.Background(), "Which animal does Ada Dixon keep?", func(piece string) error {
		fmt.Print(piece) // streams
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: Ada Dixon keeps a fox.
}

// Have the answer in JSON by a schema.
func ExampleOptions_constrain() {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		log.Fatal(err)
	}
	m, err := session.Load(dev, ckpt, engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	g, err := grammar.NewVocabulary(m.Tokenizer).Schema([]byte(`{
		"type": "object",
		"properties": {"animal": {"enum": ["dog", "fox", "cat"]}},
		"required": ["animal"]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	c, err := m.NewConversation(letter, session.Options{
		Selection: selection.Default(ckpt.Config.Context),
		MaxTokens: 32,
		Constrain: func() engine.Constraint { return g.Start() },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ans, err := c.Ask(context.Background(), "Which animal does Ada Dixon keep?", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ans.Text)
	// Output: {"animal": "fox" }
}

// Choose a policy: here one that sees only the start and the end of a long
// text, and then TokenSelect.
func ExampleConversation_Ask() {
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	ckpt, err := weights.ParseGGUF(web.DefaultModel())
	if err != nil {
		log.Fatal(err)
	}
	m, err := session.Load(dev, ckpt, engine.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	long := strings.Repeat("It was a plain day, and the gardener went home early. ", 150)
	for _, policy := range []selection.Policy{selection.Window, selection.TokenSelect} {
		cfg := selection.Default(ckpt.Config.Context)
		cfg.Policy = policy
		c, err := m.NewConversation(long+letter+" "+long, session.Options{Selection: cfg, MaxTokens: 32})
		if err != nil {
			log.Fatal(err)
		}
		ans, err := c.Ask(context.Background(), "Which animal does Ada Dixon keep?", nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(policy, "finds the fox:", strings.Contains(ans.Text, "fox"))
		c.Close()
	}
	// Output:
	// window finds the fox: false
	// tokenselect finds the fox: true
}
