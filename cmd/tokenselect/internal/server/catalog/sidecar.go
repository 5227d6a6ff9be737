package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// sidecar is what is known of files by their paths, so that gigabytes are not
// read at every start.
type sidecar map[string]record

type record struct {
	stamp
	Others []stamp `json:"others,omitempty"` // of the other files of a split model
	Model  Model   `json:"model"`
}

func newRecord(e *entry, m Model) record {
	r := record{stamp: e.files[0].stamp, Model: m}
	for _, f := range e.files[1:] {
		r.Others = append(r.Others, f.stamp)
	}
	return r
}

// find is what is known of e, if its files are still the same.
func (s sidecar) find(e *entry) (Model, bool) {
	r, ok := s[e.path()]
	now := newRecord(e, r.Model)
	parts := len(r.Model.Parts) == len(r.Others)+1 || len(r.Model.Parts)+len(r.Others) == 0
	return r.Model, ok && parts && r.stamp == now.stamp && slices.Equal(r.Others, now.Others) && r.Model.Name == e.name && len(r.Model.Digest) == 64
}

// readSidecar reads what was kept. What cannot be read is computed again.
func readSidecar(path string) sidecar {
	s := sidecar{}
	if path == "" {
		return s
	}
	raw, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(raw, &s) != nil {
		return sidecar{}
	}
	return s
}

// write replaces the file as a whole, and forgets models that are gone.
func (s sidecar) write(path string) error {
	for name := range s {
		if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
			delete(s, name)
		}
	}
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("catalog: %w", err)
	}
	_, err = tmp.Write(raw)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("catalog: %w", err)
	}
	return nil
}
