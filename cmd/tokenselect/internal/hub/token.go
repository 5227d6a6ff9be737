package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Token is what shows the hub who asks, and where it was found.
type Token struct{ Secret, From string }

// FindToken is the user's token as Hugging Face's own programs find it: in
// HF_TOKEN, else in the file that their login writes. The zero Token where there
// is none.
func FindToken(getenv func(string) string, home string) (Token, error) {
	for _, name := range []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} {
		if s := strings.TrimSpace(getenv(name)); s != "" {
			return checkToken(Token{s, name})
		}
	}
	path := getenv("HF_TOKEN_PATH")
	if path == "" {
		dir := getenv("HF_HOME")
		switch {
		case dir != "":
		case getenv("XDG_CACHE_HOME") != "":
			dir = filepath.Join(getenv("XDG_CACHE_HOME"), "huggingface")
		case home != "":
			dir = filepath.Join(home, ".cache", "huggingface")
		default:
			return Token{}, nil
		}
		path = filepath.Join(dir, "token")
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		path = filepath.Join(home, rest)
	}
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return Token{}, nil
	}
	if err != nil {
		return Token{}, fmt.Errorf("the hub's token: %w", err)
	}
	s := strings.TrimSpace(string(raw))
	if s == "" {
		return Token{}, nil
	}
	return checkToken(Token{s, path})
}

// checkToken refuses what no header may have, without repeating a secret.
func checkToken(t Token) (Token, error) {
	for _, r := range t.Secret {
		if r <= ' ' || r > '~' {
			return Token{}, fmt.Errorf("the hub's token in %s has a character that no token has, expected one such as hf_...", t.From)
		}
	}
	return t, nil
}
