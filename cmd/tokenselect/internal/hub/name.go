package hub

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Name is what a model is called by: a repository and, where it has several
// models, which of them.
type Name struct {
	Owner, Repo string
	Revision    string // branch, tag or commit; "": main
	File        string // path in the repository, a pattern of it, or a quantisation such as Q8_0; "": not said
}

// legal is what owners and repositories are called on the hub. Every such name
// is also one of a folder, on Windows too, where none ends with a dot.
var legal = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_-])?$`)

// forms is what errors say that a name looks like.
const forms = "owner/name, owner/name:Q8_0 or owner/name/file.gguf, with @revision behind the name where it is not main"

// ParseName reads OWNER/NAME[@REVISION][:QUANTISATION] or
// OWNER/NAME[@REVISION]/FILE. Addresses of the hub's pages and files are
// understood too, as they are what people copy.
func ParseName(s string) (Name, error) {
	wrong := func(why string) (Name, error) {
		return Name{}, fmt.Errorf("model %.200q: %s, expected %s", s, why, forms)
	}
	rest, address := cutAddress(s)
	if strings.Contains(rest, "://") {
		return wrong("an address of another site")
	}
	owner, rest, _ := strings.Cut(rest, "/")
	if rest == "" {
		return wrong("no owner")
	}
	repo, file, _ := strings.Cut(rest, "/")
	n := Name{Owner: owner, File: file}
	if address {
		if what, in, ok := strings.Cut(file, "/"); ok && (what == "resolve" || what == "blob" || what == "tree") {
			n.Revision, n.File, _ = strings.Cut(in, "/")
			if what == "tree" {
				n.File = ""
			}
		} else if !strings.HasSuffix(file, ".gguf") {
			n.File = ""
		}
	}
	if name, quant, ok := strings.Cut(repo, ":"); ok {
		if n.File != "" {
			return wrong("both a quantisation and a file")
		}
		if quant == "" {
			return wrong("nothing behind the colon")
		}
		repo, n.File = name, quant
	}
	if name, revision, ok := strings.Cut(repo, "@"); ok {
		if revision == "" {
			return wrong("nothing behind the @")
		}
		repo, n.Revision = name, revision
	}
	n.Repo = repo
	var err error
	if n.Revision, err = url.PathUnescape(n.Revision); err != nil {
		return wrong("a revision that is not one")
	}
	if n.Revision == "main" {
		n.Revision = ""
	}
	for _, part := range []string{owner, repo} {
		if !legal.MatchString(part) || strings.Contains(part, "..") || slices.Contains(sites, part+"/") {
			return wrong(fmt.Sprintf("no repository has a name like %.100q", part))
		}
	}
	return n, n.CheckRevision()
}

// sites are how addresses of the hub begin. None is an owner's name: what is said of
// a repository of such an owner would be read as an address.
var sites = []string{"https://huggingface.co/", "https://hf.co/", "http://huggingface.co/", "huggingface.co/", "hf.co/"}

// cutAddress takes the site off an address of the hub, and what follows a file.
func cutAddress(s string) (rest string, address bool) {
	for _, site := range sites {
		if rest, ok := strings.CutPrefix(s, site); ok {
			rest, _, _ = strings.Cut(rest, "?")
			rest, _, _ = strings.Cut(rest, "#")
			if file, err := url.PathUnescape(rest); err == nil {
				rest = file
			}
			return strings.Trim(rest, "/"), true
		}
	}
	return strings.TrimPrefix(s, "hf://"), false
}

// CheckRevision refuses what git takes for no name of a revision.
func (n Name) CheckRevision() error {
	bad := len(n.Revision) > 200 || strings.Contains(n.Revision, "..") || strings.HasPrefix(n.Revision, "-") || strings.HasPrefix(n.Revision, "/")
	for _, r := range n.Revision {
		bad = bad || r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r)
	}
	if bad {
		return fmt.Errorf("revision %.200q, expected a branch, a tag or a commit", n.Revision)
	}
	return nil
}

// ID is the repository's own name.
func (n Name) ID() string { return n.Owner + "/" + n.Repo }

// repoName is the name without a file.
func (n Name) repoName() string {
	if n.Revision != "" {
		return n.ID() + "@" + url.PathEscape(n.Revision)
	}
	return n.ID()
}

func (n Name) String() string {
	switch {
	case n.File == "":
		return n.repoName()
	case isQuant(n.File):
		return n.repoName() + ":" + sayQuant(n.File)
	}
	return n.repoName() + "/" + n.File
}
