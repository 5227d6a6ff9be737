package metrics_test

import (
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/metrics"
)

// line is what Prometheus reads.
var line = regexp.MustCompile(`^([a-z_]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+0-9.eInf]+$`)

func read(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("content type %q", kind)
	}
	described := map[string]bool{}
	for _, l := range strings.Split(strings.TrimSuffix(w.Body.String(), "\n"), "\n") {
		if name, ok := strings.CutPrefix(l, "# TYPE "); ok {
			name, _, _ = strings.Cut(name, " ")
			if described[name] {
				t.Errorf("%s is described twice", name)
			}
			described[name] = true
		}
		if !strings.HasPrefix(l, "#") && !line.MatchString(l) {
			t.Errorf("line %q", l)
		}
	}
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	m := metrics.New()
	m.Gauge("queue_length", "Waiting.", func() float64 { return 3 })
	m.Gauge("memory_bytes", "Memory.", func() float64 { return 1e9 }, "for", "a")
	m.Gauge("memory_bytes", "Memory.", func() float64 { return 2e9 }, "for", "b")
	m.Requested("weights", 206)
	m.Requested("weights", 206)
	m.Requested("files", 404)
	m.Answered(metrics.Answer{Via: "page", Result: "done", PromptTokens: 100, AnswerTokens: 10, CacheHits: 4, CacheMisses: 6, First: 80 * time.Millisecond, Decode: 100})
	m.Answered(metrics.Answer{Via: "page", Result: "stopped", PromptTokens: 5})
	text := read(t, m)
	for _, want := range []string{
		"queue_length 3",
		`memory_bytes{for="a"} 1e+09`,
		`memory_bytes{for="b"} 2e+09`,
		`tokenselect_http_requests_total{route="weights",code="206"} 2`,
		`tokenselect_http_requests_total{route="files",code="404"} 1`,
		`tokenselect_questions_total{via="page",result="done"} 1`,
		`tokenselect_questions_total{via="page",result="stopped"} 1`,
		`tokenselect_prompt_tokens_total{via="page"} 105`,
		`tokenselect_answer_tokens_total{via="page"} 10`,
		`tokenselect_selection_cache_hits_total 4`,
		`tokenselect_first_token_seconds_bucket{via="page",le="0.05"} 0`,
		`tokenselect_first_token_seconds_bucket{via="page",le="0.1"} 1`,
		`tokenselect_first_token_seconds_bucket{via="page",le="+Inf"} 1`,
		`tokenselect_first_token_seconds_sum{via="page"} 0.08`,
		`tokenselect_first_token_seconds_count{via="page"} 1`,
		`tokenselect_decode_tokens_per_second_bucket{via="page",le="50"} 0`,
		`tokenselect_decode_tokens_per_second_bucket{via="page",le="100"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

func TestConcurrent(t *testing.T) {
	m := metrics.New()
	m.Gauge("g", "A gauge that counts.", func() float64 { m.Requested("gauge", 200); return 1 })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				m.Requested("files", 200)
				m.Answered(metrics.Answer{Via: "api", Result: "done", Decode: 3})
			}
			read(t, m)
		})
	}
	all.Wait()
	if text := read(t, m); !strings.Contains(text, `route="files",code="200"} 800`) {
		t.Error(text)
	}
}
