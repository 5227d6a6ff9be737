package openai

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// minKey is the fewest characters of an API key: fewer can be guessed.
const minKey = 16

// Keys are the API keys that open a server. Only their hashes are kept.
type Keys struct{ hashes [][sha256.Size]byte }

// ReadKeys reads a file of one key a line. Empty lines and lines that start
// with # do not count.
func ReadKeys(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("openai: API keys: %w", err)
	}
	defer f.Close()
	k := &Keys{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		key := strings.TrimSpace(lines.Text())
		switch {
		case key == "" || strings.HasPrefix(key, "#"):
			continue
		case len(key) < minKey:
			return nil, fmt.Errorf("openai: API keys: %s, line %d: a key of %d characters, expected at least %d", path, n, len(key), minKey)
		case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
			return nil, fmt.Errorf("openai: API keys: %s, line %d: a key with a space or a character outside ASCII, which no HTTP header carries", path, n)
		}
		k.hashes = append(k.hashes, sha256.Sum256([]byte(key)))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("openai: API keys: %s: %w", path, err)
	}
	if len(k.hashes) == 0 {
		return nil, fmt.Errorf("openai: API keys: %s has none, expected one a line", path)
	}
	return k, nil
}

// Has tells whether key is one of k. The time that it takes says nothing of the
// keys: hashes are compared, all of them, in constant time.
func (k *Keys) Has(key string) bool {
	hash, found := sha256.Sum256([]byte(key)), 0
	for i := range k.hashes {
		found |= subtle.ConstantTimeCompare(hash[:], k.hashes[i][:])
	}
	return found == 1
}

// check says why r may not come in, or nil. Nil keys let everybody in.
func (k *Keys) check(r *http.Request) *Error {
	if k == nil {
		return nil
	}
	e := &Error{Status: http.StatusUnauthorized, Type: InvalidRequest, Code: "invalid_api_key"}
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case scheme == "":
		e.Message = "no API key: expected the header Authorization: Bearer KEY"
	case !strings.EqualFold(scheme, "Bearer") || !k.Has(strings.TrimSpace(key)):
		e.Message = "the API key is not one of this server's"
	default:
		return nil
	}
	return e
}
