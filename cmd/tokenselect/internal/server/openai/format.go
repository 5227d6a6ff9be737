package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
)

// formatName is what a schema may be called.
var formatName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// anyObject is the schema of the format json_object.
const anyObject = `{"type":"object"}`

// readFormat reads response_format. Whether a schema can be kept to is for the
// backend to say. A name that is not known is a mistake: a schema in the wrong
// place must not go unnoticed.
func readFormat(c *completion, raw json.RawMessage) error {
	var f struct {
		Type   string `json:"type"`
		Schema *struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Schema      json.RawMessage `json:"schema"`
			Strict      *bool           `json:"strict"` // it is always kept to
		} `json:"json_schema"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return err
	}
	c.Format = nil
	switch {
	case f.Type == "json_schema" && f.Schema == nil:
		return fmt.Errorf("there is no json_schema, expected an object of name and schema")
	case f.Type == "json_schema" && !formatName.MatchString(f.Schema.Name):
		return fmt.Errorf("json_schema.name is %.80q, expected 1 to 64 letters, digits, _ and -", f.Schema.Name)
	case f.Type == "json_schema" && len(f.Schema.Schema) == 0:
		return fmt.Errorf("json_schema.schema is not there, expected a JSON Schema")
	case f.Type == "json_schema":
		c.Format = &Format{f.Schema.Schema, raw}
	case f.Schema != nil:
		return fmt.Errorf("there is a json_schema, which is for the type json_schema; the type is %.80q", f.Type)
	case f.Type == "json_object":
		c.Format = &Format{json.RawMessage(anyObject), raw}
	case f.Type != "text":
		return fmt.Errorf("type is %.80q, expected text, json_object or json_schema", f.Type)
	}
	return nil
}
