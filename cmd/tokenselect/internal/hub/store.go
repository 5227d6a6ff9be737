package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Store is the folder that pulled models are in:
//
//	models/OWNER/NAME[@REVISION]/MODEL/...    complete ones, with tokenselect.json
//	partial/OWNER/NAME[@REVISION]/MODEL/...   those that are being fetched, or were interrupted
//	old/OWNER/NAME[@REVISION]/MODEL/...       for the moment in which a new one takes its place
type Store struct{ Root string }

// FindStore is the store in dir, else where TOKENSELECT_CACHE says, else in the
// system's folder for caches.
func FindStore(dir string, getenv func(string) string) (Store, error) {
	if dir == "" {
		dir = getenv("TOKENSELECT_CACHE")
	}
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return Store{}, fmt.Errorf("there is no folder for pulled models, TOKENSELECT_CACHE can name one: %w", err)
		}
		dir = filepath.Join(cache, "tokenselect")
	}
	dir, err := filepath.Abs(dir)
	return Store{dir}, err
}

// record is what tokenselect.json in the folder of a model says.
type record struct {
	Owner    string    `json:"owner"`
	Repo     string    `json:"repo"`
	Revision string    `json:"revision,omitempty"`
	Commit   string    `json:"commit"`
	Kind     string    `json:"kind"`
	Quant    string    `json:"quantisation,omitempty"`
	Files    []File    `json:"files"`
	When     time.Time `json:"when"`
}

const recordName = "tokenselect.json"

// Model is a pulled model, or what there is of one.
type Model struct {
	Name     string // that it can be called by
	Dir      string
	Path     string // of what weights.Open takes: a file, or a folder
	Kind     string
	Quant    string // "": its files' names do not say
	Commit   string
	When     time.Time // it was pulled, or last worked at
	Size     int64     // in bytes, of all files
	Have     int64     // bytes of them that are there
	Complete bool
	Parts    int // files of weights

	record record
}

// name is what the model of r is called by, file or quantisation left out.
func (r record) name() Name { return Name{Owner: r.Owner, Repo: r.Repo, Revision: r.Revision} }

// folder is where models of a repository lie, below models or partial.
func (s Store) folder(kind string, n Name) string {
	repo := n.Repo
	if n.Revision != "" {
		repo += "@" + url.PathEscape(n.Revision)
	}
	return filepath.Join(s.Root, kind, n.Owner, repo)
}

// List lists the models, complete or not, by name. Where some are damaged it lists
// the others, and the error says which.
func (s Store) List() ([]Model, error) {
	var all []Model
	var damaged error
	for _, kind := range []string{"models", "partial"} {
		paths, err := filepath.Glob(filepath.Join(escapeGlob(s.Root), kind, "*", "*", "*", recordName))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			m, err := readModel(filepath.Dir(path), kind == "models")
			if err != nil {
				damaged = errors.Join(damaged, err)
				continue
			}
			all = append(all, m)
		}
	}
	nameModels(all)
	slices.SortStableFunc(all, func(a, b Model) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all, damaged
}

// escapeGlob has no character of a path stand for others. On Windows a backslash
// escapes nothing, and no path has the characters but [.
func escapeGlob(path string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(path)
}

func readModel(dir string, complete bool) (Model, error) {
	path := filepath.Join(dir, recordName)
	raw, err := os.ReadFile(path)
	if err != nil {
		return Model{}, err
	}
	m := Model{Dir: dir, Path: dir, Complete: complete}
	r := &m.record
	if err := json.Unmarshal(raw, r); err != nil || len(r.Files) == 0 || !legal.MatchString(r.Owner) || !legal.MatchString(r.Repo) {
		return Model{}, fmt.Errorf("%s does not describe a pulled model: remove its folder, and pull it again", path)
	}
	m.Kind, m.Quant, m.Commit, m.When = r.Kind, r.Quant, r.Commit, r.When
	for _, f := range r.Files {
		local, err := localPath(f.Path)
		if err != nil {
			return Model{}, fmt.Errorf("%s: %w", path, err)
		}
		file := filepath.Join(dir, local)
		m.Size += f.Size
		if strings.HasSuffix(f.Path, "."+r.Kind) {
			if m.Parts++; m.Parts == 1 && r.Kind == kindGGUF {
				m.Path = file
			}
		}
		switch j, ok := readJournal(file); {
		case complete || (ok && j.Whole):
			m.Have += f.Size
		case ok:
			m.Have += j.Have.total()
		}
	}
	return m, nil
}

// nameModels gives each model a name that means no other one: with its
// quantisation, or with its file where that does not tell it from others.
func nameModels(all []Model) {
	for i := range all {
		m := &all[i]
		alone, distinct := true, m.Quant != ""
		for _, o := range all {
			if o.record.name() == m.record.name() && filepath.Base(o.Dir) != filepath.Base(m.Dir) {
				alone = false
				distinct = distinct && o.Quant != m.Quant
			}
		}
		n := m.record.name()
		switch {
		case m.Kind == kindSafetensors && !alone:
			n.File = kindSafetensors
		case m.Kind == kindGGUF && distinct:
			n.File = m.Quant
		case m.Kind == kindGGUF:
			n.File = m.record.Files[0].Path
		}
		m.Name = n.String()
	}
}

// means tells whether n means the model. A bare name is that of a repository of
// any owner.
func (m Model) means(n Name) bool {
	r := m.record
	if n.Owner != "" && !strings.EqualFold(n.Owner, r.Owner) || !strings.EqualFold(n.Repo, r.Repo) || n.Revision != r.Revision {
		return false
	}
	if n.File == "" {
		return true
	}
	p := plan{kind: r.Kind, quant: r.Quant, files: r.Files}
	return p.is(n.File) || r.Kind == n.File || (isQuant(n.File) && r.Quant == dynamic+sayQuant(n.File))
}

// find lists the models that a name means. Damaged ones matter only where there
// is no other.
func (s Store) find(name string) (Name, []Model, error) {
	full, bare := name, !strings.Contains(name, "/")
	if bare {
		full = "any/" + name
	}
	n, err := ParseName(full)
	switch {
	case err != nil && bare:
		return Name{}, nil, fmt.Errorf("model %.200q, expected %s", name, forms)
	case err != nil:
		return Name{}, nil, err
	case bare:
		n.Owner = ""
	}
	all, err := s.List()
	found := slices.DeleteFunc(all, func(m Model) bool { return !m.means(n) })
	if len(found) > 0 {
		err = nil
	}
	return n, found, err
}

// ErrNotPulled is why a name means no model: none of it has been fetched.
var ErrNotPulled = errors.New("no model of that name has been pulled")

// Find is the complete model that name means.
func (s Store) Find(name string) (Model, error) {
	n, found, err := s.find(name)
	if err != nil {
		return Model{}, err
	}
	complete := slices.DeleteFunc(slices.Clone(found), func(m Model) bool { return !m.Complete })
	switch {
	case len(complete) == 1:
		return complete[0], nil
	case len(complete) > 1:
		return Model{}, fmt.Errorf("%q means more than one pulled model, name one of them:%s", name, names(complete))
	case len(found) > 0:
		return Model{}, fmt.Errorf("%s has been fetched in part only: 'tokenselect pull %s' goes on", found[0].Name, found[0].Name)
	case n.Owner == "":
		return Model{}, fmt.Errorf("%w; 'tokenselect list' lists those that have", ErrNotPulled)
	}
	return Model{}, fmt.Errorf("%w; 'tokenselect pull %s' fetches it", ErrNotPulled, n)
}

func names(all []Model) string {
	var b strings.Builder
	for _, m := range all {
		fmt.Fprintf(&b, "\n  %s", m.Name)
	}
	return b.String()
}

// Remove removes the model that name means, and what there is of it in part, and
// returns what is gone. Several go only by a pattern that means them.
func (s Store) Remove(name string) ([]Model, error) {
	n, found, err := s.find(name)
	if err != nil {
		return nil, err
	}
	distinct := map[string]bool{}
	for _, m := range found {
		distinct[m.Name] = true
	}
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("%q: %w; 'tokenselect list' lists those that have", name, ErrNotPulled)
	case len(distinct) > 1 && !strings.Contains(n.File, "*"):
		return nil, fmt.Errorf("%q means more than one pulled model, name one of them, or all with %s/*:%s", name, found[0].record.name().repoName(), names(found))
	}
	var gone []Model
	for _, m := range found {
		if err := s.remove(m); err != nil {
			return gone, err
		}
		gone = append(gone, m)
	}
	return gone, nil
}

func (s Store) remove(m Model) error {
	l, err := s.lock(m.record.name(), filepath.Base(m.Dir))
	if errors.Is(err, errLocked) {
		return fmt.Errorf("%s is being pulled: end that first", m.Name)
	}
	if err != nil {
		return err
	}
	defer l.release()
	// The record goes first: what a failure leaves of a model is not taken for one.
	if err := os.Remove(filepath.Join(m.Dir, recordName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	old := filepath.Join(s.folder("old", m.record.name()), filepath.Base(m.Dir))
	if err := errors.Join(os.RemoveAll(m.Dir), os.RemoveAll(old)); err != nil {
		return err
	}
	s.prune(filepath.Dir(old))
	s.prune(filepath.Dir(m.Dir))
	return nil
}

// prune removes a folder that is empty, and those around it, up to the store.
func (s Store) prune(dir string) {
	for dir != s.Root && strings.HasPrefix(dir, s.Root) && os.Remove(dir) == nil {
		dir = filepath.Dir(dir)
	}
}

// write writes the record of a model into its folder.
func (r record) write(dir string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, recordName)
	if err := os.WriteFile(path+".new", raw, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
