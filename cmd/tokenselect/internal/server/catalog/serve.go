package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// List is models.json: the models that can be had, and the names of those whose
// files are still being read.
type List struct {
	Models  []Model  `json:"models"`
	Pending []string `json:"pending,omitempty"`
}

// List lists the models, the default first.
func (k *Catalog) List() List {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := List{Models: []Model{}}
	for _, e := range k.entries {
		if e.known {
			l.Models = append(l.Models, e.model)
		} else {
			l.Pending = append(l.Pending, e.name)
		}
	}
	return l
}

// ServeList serves models.json.
func (k *Catalog) ServeList(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	json.NewEncoder(w).Encode(k.List())
}

// ServeWeights serves weights/DIGEST.gguf, a model's file or one of a split model:
// whole or in ranges, for ever the same.
func (k *Catalog) ServeWeights(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	digest, ok := strings.CutSuffix(r.PathValue("file"), ".gguf")
	file, found := k.byDigest(digest)
	if !ok || !found {
		h.Set("Cache-Control", "no-store")
		http.Error(w, fmt.Sprintf("there are no weights %.80q here; models.json lists those that are", r.PathValue("file")), http.StatusNotFound)
		return
	}
	f, err := file.open()
	if err != nil {
		k.log(err.Error())
		h.Set("Cache-Control", "no-store")
		status, why := http.StatusInternalServerError, "the weights cannot be read"
		if errors.Is(err, errChanged) {
			status, why = http.StatusGone, errChanged.Error()
		}
		http.Error(w, why, status)
		return
	}
	defer f.Close()
	// A reader that stalls does not hold the file open for ever; one that is cut
	// off asks for the rest.
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience + time.Duration(file.stamp.Size/slowest)*time.Second))
	h.Set("Content-Type", "application/octet-stream")
	h.Set("ETag", `"`+digest+`"`)
	h.Set("Cache-Control", "public, max-age=31536000, immutable, no-transform")
	http.ServeContent(w, r, "", time.Time{}, f)
}

// Weights opens a model's file, or one of a split model, by its digest.
func (k *Catalog) Weights(digest string) (io.ReadCloser, error) {
	file, found := k.byDigest(digest)
	if !found {
		return nil, fmt.Errorf("catalog: there are no weights %.80q", digest)
	}
	return file.open()
}

const (
	patience = 5 * time.Minute
	slowest  = 32 << 10 // bytes a second
)

func (k *Catalog) byDigest(digest string) (file, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.entries {
		switch {
		case !e.known:
		case len(e.files) == 1 && e.model.Digest == digest:
			return e.files[0], true
		default:
			for i, p := range e.model.Parts {
				if p.Digest == digest {
					return e.files[i], true
				}
			}
		}
	}
	return file{}, false
}
