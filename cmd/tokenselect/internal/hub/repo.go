package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// File is a file of a repository.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	Digest Digest `json:"digest"`
}

// Repo is a repository at one commit.
type Repo struct {
	Owner, Name string // as the hub writes them
	Commit      string
	Files       []File
}

// mostListing is how large a listing may be: the hub's largest have some MiB.
const mostListing = 64 << 20

var commitForm = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// Repo asks the hub what a repository has at a revision.
func (c *Client) Repo(ctx context.Context, n Name, say func(string)) (*Repo, error) {
	revision := n.Revision
	if revision == "" {
		revision = "main"
	}
	u := c.address("api", "models", n.Owner, n.Repo, "revision", revision)
	u.RawQuery = "blobs=true"
	tries := retry{c: c, say: say}
	for {
		raw, err := c.listing(ctx, u)
		if err == nil {
			return parseRepo(raw, c.Endpoint.Host)
		}
		if err := tries.again(ctx, err); err != nil {
			return nil, c.explain(err, n)
		}
	}
}

// address is an address below the hub's, of parts that may have any characters.
func (c *Client) address(parts ...string) *url.URL {
	u := *c.Endpoint
	escaped := u.EscapedPath()
	for _, p := range parts {
		escaped += "/" + url.PathEscape(p)
		u.Path += "/" + p
	}
	u.RawPath = escaped
	return &u
}

func (c *Client) listing(ctx context.Context, u *url.URL) ([]byte, error) {
	a, err := c.get(ctx, u, nil)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	raw, err := io.ReadAll(io.LimitReader(a, mostListing+1))
	if err == nil && len(raw) > mostListing {
		err = fmt.Errorf("%s lists more than %d MiB of files", u.Host, mostListing>>20)
	}
	return raw, err
}

func parseRepo(raw []byte, host string) (*Repo, error) {
	var listed struct {
		ID       string `json:"id"`
		SHA      string `json:"sha"`
		Siblings []struct {
			Path string `json:"rfilename"`
			Size *int64 `json:"size"`
			Blob string `json:"blobId"`
			LFS  *struct {
				SHA256 string `json:"sha256"`
				Size   int64  `json:"size"`
			} `json:"lfs"`
		} `json:"siblings"`
	}
	wrong := func(format string, args ...any) (*Repo, error) {
		return nil, fmt.Errorf("%s lists the repository in a way that is not the hub's: "+format, append([]any{host}, args...)...)
	}
	if err := json.Unmarshal(raw, &listed); err != nil {
		return wrong("%w", err)
	}
	r := &Repo{Commit: listed.SHA}
	r.Owner, r.Name, _ = strings.Cut(listed.ID, "/")
	if !legal.MatchString(r.Owner) || !legal.MatchString(r.Name) || strings.Contains(listed.ID, "..") {
		return wrong("id is %.200q, expected owner/name", listed.ID)
	}
	if !commitForm.MatchString(r.Commit) {
		return wrong("sha is %.100q, expected a commit", listed.SHA)
	}
	seen := map[string]bool{}
	for _, s := range listed.Siblings {
		if !fs.ValidPath(s.Path) || s.Path == "." {
			return wrong("a file is called %.200q, which leads out of the repository", s.Path)
		}
		if seen[s.Path] {
			return wrong("%.200q is there twice", s.Path)
		}
		seen[s.Path] = true
		f := File{Path: s.Path, Size: -1}
		if s.Size != nil {
			f.Size = *s.Size
		}
		if s.LFS != nil {
			f.Size, f.Digest = s.LFS.Size, Digest("sha256:"+s.LFS.SHA256)
		} else if s.Blob != "" {
			f.Digest = Digest("git:" + s.Blob)
		}
		r.Files = append(r.Files, f)
	}
	return r, nil
}

// verifiable refuses a file of which the listing does not say enough.
func (f File) verifiable() error {
	if f.Size < 0 || !digestForm.MatchString(string(f.Digest)) {
		return fmt.Errorf("%s is listed with %d bytes and digest %.80q, expected a size and a digest to verify it by", f.Path, f.Size, f.Digest)
	}
	return nil
}

// explain says what an answer means for who asked for n.
func (c *Client) explain(err error, n Name) error {
	var status *statusError
	if !errors.As(err, &status) || !status.hub {
		return err
	}
	page := c.address(n.Owner, n.Repo)
	token := "without a token: if it is private, set HF_TOKEN to one of " + c.Endpoint.String() + "/settings/tokens"
	if c.Token.Secret != "" {
		token = "with the token of " + c.Token.From
	}
	switch {
	case status.code == "GatedRepo":
		if c.Token.Secret == "" {
			return fmt.Errorf("%s is gated: accept its terms on %s, and set HF_TOKEN to a token of %s/settings/tokens (%w)", n.ID(), page, c.Endpoint, err)
		}
		return fmt.Errorf("%s is gated, and the token of %s does not open it: accept its terms on %s with the same account (%w)", n.ID(), c.Token.From, page, err)
	case status.code == "RevisionNotFound":
		return fmt.Errorf("%s has no revision %s (%w)", n.ID(), n.Revision, err)
	case status.code == "EntryNotFound":
		return fmt.Errorf("a file of %s is gone (%w)", n.ID(), err)
	case status.code == "RepoNotFound", status.status == http.StatusNotFound:
		return fmt.Errorf("there is no model %s on %s, as far as it tells %s (%w)", n.ID(), c.Endpoint.Host, token, err)
	case status.status == http.StatusUnauthorized:
		if c.Token.Secret != "" {
			return fmt.Errorf("%s refuses the token of %s: it may have expired (%w)", c.Endpoint.Host, c.Token.From, err)
		}
		return fmt.Errorf("there is no model %s on %s, as far as it tells %s (%w)", n.ID(), c.Endpoint.Host, token, err)
	case status.status == http.StatusForbidden:
		return fmt.Errorf("%s refuses %s %s (%w)", c.Endpoint.Host, n.ID(), token, err)
	}
	return err
}
