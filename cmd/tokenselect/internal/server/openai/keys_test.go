package openai_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokenselect/cmd/tokenselect/internal/server/openai"
)

func TestKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]string{
		"0123456789abcde\n":            "line 1: a key of 15 characters",
		"# nothing\n\n":                "has none",
		"0123456789abcdef g\n":         "a space",
		"#\n0123456789abcdef\u00e9x\n": "line 2",
	} {
		write(text)
		if _, err := openai.ReadKeys(path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "0123") {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
	if _, err := openai.ReadKeys(path + "x"); err == nil {
		t.Error("a file that is not there")
	}
	write("# people\r\n 0123456789abcdef \r\nfedcba9876543210\r\n")
	keys, err := openai.ReadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	server := start(t, &script{}, openai.Config{Keys: keys})
	for header, status := range map[string]int{
		"Bearer 0123456789abcdef": 200, "bearer  fedcba9876543210": 200, "Bearer 0123456789abcdeF": 401, "Bearer ": 401, "": 401,
		"Basic 0123456789abcdef": 401, "Bearer 0123456789abcdef0": 401, "Bearer # people": 401,
	} {
		for _, path := range []string{"/v1/models", "/v1/nothing"} {
			req, _ := http.NewRequest("GET", server.URL+path, nil)
			if header != "" {
				req.Header.Set("Authorization", header)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			raw := read(t, resp.Body)
			resp.Body.Close()
			if (resp.StatusCode == 401) != (status == 401) || status == 401 && !strings.Contains(raw, `"invalid_api_key"`) {
				t.Errorf("%q: %s %s", header, resp.Status, raw)
			}
		}
	}
}
