package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// roles are who may speak, and as whom the model hears them.
var roles = map[string]string{"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

// wireMessage is a message of a body.
type wireMessage struct {
	Role         string          `json:"role"`
	Content      content         `json:"content"`
	ToolCalls    json.RawMessage `json:"tool_calls"`
	FunctionCall json.RawMessage `json:"function_call"`
}

// readMessages reads them one by one: a body of millions of empty ones must not
// become memory before they are counted.
func readMessages(c *completion, raw json.RawMessage) error {
	c.Messages = nil
	dec := json.NewDecoder(bytes.NewReader(raw))
	if t, err := dec.Token(); err != nil {
		return err
	} else if t != json.Delim('[') {
		return fmt.Errorf("not a list")
	}
	for i := 0; dec.More(); i++ {
		if i == maxMessages {
			return fmt.Errorf("more than %d", maxMessages)
		}
		var m wireMessage
		if err := dec.Decode(&m); err != nil {
			return fmt.Errorf("message %d: %w", i, err)
		}
		role, known := roles[m.Role]
		switch {
		case !known:
			return fmt.Errorf("message %d has the role %.40q, expected system, developer, user or assistant (tools are not supported)", i, m.Role)
		case !isHarmless(orNull(m.ToolCalls), []string{"[]"}) || !isHarmless(orNull(m.FunctionCall), nil):
			return Invalid("messages", "unsupported_parameter", "messages: message %d calls a tool, which this engine does not support", i)
		case !m.Content.given:
			return fmt.Errorf("message %d has no content", i)
		}
		c.Messages = append(c.Messages, Message{role, m.Content.text})
	}
	_, err := dec.Token()
	return err
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// content is what a message says: a string, or a list of parts that are text.
// Parts become lines, as vLLM and llama.cpp have it.
type content struct {
	text  string
	given bool
}

func (c *content) UnmarshalJSON(raw []byte) error {
	switch raw[0] {
	case 'n':
		return nil
	case '[':
	default:
		c.given = true
		return json.Unmarshal(raw, &c.text)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return err
	}
	var texts []string
	for i := 0; dec.More(); i++ {
		var part struct {
			Type string  `json:"type"`
			Text *string `json:"text"`
		}
		if i == maxMessages {
			return fmt.Errorf("content has more than %d parts", maxMessages)
		}
		if err := dec.Decode(&part); err != nil {
			return err
		}
		if part.Type != "text" || part.Text == nil {
			return fmt.Errorf("content: part %d is of type %.40q, expected text (with a text), the one type that is supported", i, part.Type)
		}
		texts = append(texts, *part.Text)
	}
	c.text, c.given = strings.Join(texts, "\n"), true
	return nil
}
