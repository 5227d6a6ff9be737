package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"regexp"
	"strings"
)

// Digest names the content of a file: "sha256:" and the SHA-256 of its bytes for
// those that the hub keeps in large file storage, "git:" and the SHA-1 of git's
// blob for the others. Both in hexadecimal.
type Digest string

var digestForm = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|git:[0-9a-f]{40})$`)

// hex is the digest without its kind.
func (d Digest) hex() string { _, h, _ := strings.Cut(string(d), ":"); return h }

// of is the digest of the same kind of size bytes read from r.
func (d Digest) of(ctx context.Context, r io.Reader, size int64) (Digest, error) {
	kind, _, _ := strings.Cut(string(d), ":")
	var h hash.Hash
	if kind == "sha256" {
		h = sha256.New()
	} else {
		h = sha1.New()
		fmt.Fprintf(h, "blob %d\x00", size)
	}
	buf := make([]byte, 1<<20)
	for {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		n, err := r.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return Digest(kind + ":" + hex.EncodeToString(h.Sum(nil))), nil
		}
		if err != nil {
			return "", err
		}
	}
}
