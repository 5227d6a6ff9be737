// Package metrics counts what a server does, in Prometheus' text form.
package metrics

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Metrics are a server's figures. It is safe for concurrent use.
type Metrics struct {
	mu       sync.Mutex
	families map[string]*family
}

// family is what has one name.
type family struct {
	help, kind string
	values     map[string]float64    // of a counter, by labels
	histograms map[string]*histogram // by labels
	gauge      func() float64
}

// histogram counts values by size.
type histogram struct {
	bounds []float64
	counts []uint64 // of each bound, then of what is larger
	sum    float64
}

// The upper bounds of what answers are measured by.
var (
	seconds = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}
	speeds  = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000}
)

// New makes metrics, all 0.
func New() *Metrics { return &Metrics{families: map[string]*family{}} }

// family is the one of a name, made if there is none. The caller holds mu.
func (m *Metrics) family(name, kind, help string) *family {
	f := m.families[name]
	if f == nil {
		f = &family{help: help, kind: kind, values: map[string]float64{}, histograms: map[string]*histogram{}}
		m.families[name] = f
	}
	return f
}

// Add counts v more of a name. Labels are pairs of name and value; their values
// must be from a small set.
func (m *Metrics) Add(name, help string, v float64, labels ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.family(name, "counter", help).values[join(labels)] += v
}

// Gauge has read asked for the value each time that the metrics are read.
func (m *Metrics) Gauge(name, help string, read func() float64, labels ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(labels) > 0 {
		name += "{" + join(labels) + "}"
	}
	m.family(name, "gauge", help).gauge = read
}

// observe puts v into a histogram.
func (m *Metrics) observe(name, help string, bounds []float64, v float64, labels ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, key := m.family(name, "histogram", help), join(labels)
	h := f.histograms[key]
	if h == nil {
		h = &histogram{bounds: bounds, counts: make([]uint64, len(bounds)+1)}
		f.histograms[key] = h
	}
	i, _ := slices.BinarySearch(bounds, v)
	h.counts[i]++
	h.sum += v
}

// join is labels as they stand between braces.
func join(labels []string) string {
	var parts []string
	for i := 0; i+1 < len(labels); i += 2 {
		parts = append(parts, labels[i]+"="+strconv.Quote(labels[i+1]))
	}
	return strings.Join(parts, ",")
}

// Answer is what became of a question.
type Answer struct {
	Via    string // "page" or "api"
	Result string // "done", "stopped", "failed"

	PromptTokens, CachedTokens, AnswerTokens int
	CacheHits, CacheMisses                   int // of the Selection Cache

	First  time.Duration // from the question to the first token; 0: there was none
	Decode float64       // tokens a second; 0: not known
}

// Answered counts an answer.
func (m *Metrics) Answered(a Answer) {
	via := []string{"via", a.Via}
	m.Add("tokenselect_questions_total", "Questions by how they ended.", 1, "via", a.Via, "result", a.Result)
	m.Add("tokenselect_prompt_tokens_total", "Tokens of questions and documents.", float64(a.PromptTokens), via...)
	m.Add("tokenselect_prompt_cached_tokens_total", "Of them, those that were not read anew.", float64(a.CachedTokens), via...)
	m.Add("tokenselect_answer_tokens_total", "Tokens of answers.", float64(a.AnswerTokens), via...)
	m.Add("tokenselect_selection_cache_hits_total", "Layers and steps that reused a selection.", float64(a.CacheHits))
	m.Add("tokenselect_selection_cache_misses_total", "Layers and steps that selected anew.", float64(a.CacheMisses))
	if a.First > 0 {
		m.observe("tokenselect_first_token_seconds", "From the question to the first token of its answer, waiting included.", seconds, a.First.Seconds(), via...)
	}
	if a.Decode > 0 {
		m.observe("tokenselect_decode_tokens_per_second", "Speed of answers after their first token.", speeds, a.Decode, via...)
	}
}

// Requested counts an HTTP request.
func (m *Metrics) Requested(route string, status int) {
	m.Add("tokenselect_http_requests_total", "HTTP requests by what they asked for and the status of the answer.", 1, "route", route, "code", strconv.Itoa(status))
}

// ServeHTTP writes the metrics.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(m.text())
}

func (m *Metrics) text() []byte {
	var b bytes.Buffer
	gauges := map[string]func() float64{}
	m.mu.Lock()
	described := ""
	for _, name := range slices.Sorted(maps.Keys(m.families)) {
		f := m.families[name]
		base, _, _ := strings.Cut(name, "{")
		if f.kind == "gauge" {
			gauges[name] = f.gauge
			continue
		}
		f.write(&b, base)
	}
	help := map[string]string{}
	for name := range gauges {
		help[name] = m.families[name].help
	}
	m.mu.Unlock()
	// What gauges read may itself count: it is read without the lock.
	for _, name := range slices.Sorted(maps.Keys(gauges)) {
		if base, _, _ := strings.Cut(name, "{"); base != described {
			described = base
			fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", base, help[name], base)
		}
		fmt.Fprintf(&b, "%s %s\n", name, number(gauges[name]()))
	}
	return b.Bytes()
}

// write writes a counter or a histogram.
func (f *family) write(b *bytes.Buffer, name string) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n", name, f.help, name, f.kind)
	for _, labels := range slices.Sorted(maps.Keys(f.values)) {
		fmt.Fprintf(b, "%s%s %s\n", name, braces(labels), number(f.values[labels]))
	}
	for _, labels := range slices.Sorted(maps.Keys(f.histograms)) {
		h := f.histograms[labels]
		total := uint64(0)
		for i, n := range h.counts {
			total += n
			bound := "+Inf"
			if i < len(h.bounds) {
				bound = number(h.bounds[i])
			}
			fmt.Fprintf(b, "%s_bucket%s %d\n", name, braces(labels, `le="`+bound+`"`), total)
		}
		fmt.Fprintf(b, "%s_sum%s %s\n%s_count%s %d\n", name, braces(labels), number(h.sum), name, braces(labels), total)
	}
}

func braces(labels ...string) string {
	labels = slices.DeleteFunc(labels, func(l string) bool { return l == "" })
	if len(labels) == 0 {
		return ""
	}
	return "{" + strings.Join(labels, ",") + "}"
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
