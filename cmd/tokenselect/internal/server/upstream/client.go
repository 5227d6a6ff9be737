// Package upstream has answers computed by another engine that speaks OpenAI's
// API, streaming: vLLM, SGLang, llama.cpp's server, or this program elsewhere.
package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/openai"
)

// KeyVariable is the environment variable of the upstream's API key.
const KeyVariable = "TOKENSELECT_UPSTREAM_KEY"

// ReadKey is the upstream's API key: of a file, or where path is "" of the
// environment; "" where there is none. Errors do not repeat it.
func ReadKey(path string) (string, error) {
	key, from := os.Getenv(KeyVariable), KeyVariable
	if path != "" {
		raw, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("upstream: API key: %w", err)
		}
		if key, from = string(raw), path; strings.TrimSpace(key) == "" {
			return "", fmt.Errorf("upstream: API key: %s is empty", path)
		}
	}
	key = strings.TrimSpace(key)
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("upstream: API key: %s holds a space, a line break or a character outside ASCII, expected one key", from)
	}
	return key, nil
}

// Config is where an upstream is. Zero durations are the defaults that are
// named.
type Config struct {
	URL string // of the server, with or without /v1
	Key string // sent as bearer token; "": none

	Connect time.Duration // to be connected; 10 s
	First   time.Duration // from the request to the first byte: a long prompt is read meanwhile; 15 minutes
	Idle    time.Duration // between two pieces of a stream; a minute
}

// Client is an openai.Backend. It is safe for concurrent use.
type Client struct {
	Config
	base string // ends in /v1
	http *http.Client

	mu     sync.Mutex
	models []openai.Model
	asked  time.Time // for models
}

var _ openai.Backend = (*Client)(nil)

// New makes a client. Nothing is asked of the upstream yet.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, errors.New("upstream: the URL cannot be read, expected one like http://host:8000")
	case u.User != nil:
		return nil, fmt.Errorf("upstream: the URL holds a user or password, expected the key in a file or in %s", KeyVariable)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("upstream: URL %q, expected one like http://host:8000", c.URL)
	}
	for _, d := range []struct {
		to *time.Duration
		or time.Duration
	}{{&c.Connect, 10 * time.Second}, {&c.First, 15 * time.Minute}, {&c.Idle, time.Minute}} {
		if *d.to == 0 {
			*d.to = d.or
		}
	}
	base := strings.TrimRight(c.URL, "/")
	if !strings.HasSuffix(base, "/v1") {
		base += "/v1"
	}
	return &Client{Config: c, base: base, http: &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: c.Connect}).DialContext,
			TLSHandshakeTimeout:   c.Connect,
			ResponseHeaderTimeout: c.First,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       time.Minute,
			DisableCompression:    true, // a compressor may hold pieces back
			ForceAttemptHTTP2:     true,
		},
		// The key goes to nobody but the upstream itself.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close ends the connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// refusedPause is the wait before a refused connection is tried once more: what
// restarts is back by then, or takes minutes.
const refusedPause = 250 * time.Millisecond

// do sends a request; body may be nil. A connection that is refused is tried
// once more. Answers other than 200 become errors.
func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	send := func() (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		if body != nil {
			req.Header.Set("Content-Type", "application/json")
		}
		req.Header.Set("Accept", "application/json, text/event-stream")
		if c.Key != "" {
			req.Header.Set("Authorization", "Bearer "+c.Key)
		}
		return c.http.Do(req)
	}
	resp, err := send()
	if errors.Is(err, syscall.ECONNREFUSED) {
		select {
		case <-time.After(refusedPause):
			resp, err = send()
		case <-ctx.Done():
		}
	}
	switch {
	case err != nil:
		return nil, c.unreachable(ctx, err)
	case resp.StatusCode != http.StatusOK:
		defer resp.Body.Close()
		return nil, c.refusal(resp)
	}
	return resp, nil
}

// modelsAge is how long a list of models is taken to be right, and modelsLimit
// how long and how large it may be.
const (
	modelsAge     = time.Minute
	modelsTimeout = 20 * time.Second
	modelsLimit   = 4 << 20
)

// Models is the upstream's list, asked for at most once a minute.
func (c *Client) Models(ctx context.Context) ([]openai.Model, error) {
	c.mu.Lock()
	models, age := c.models, time.Since(c.asked)
	c.mu.Unlock()
	if models != nil && age < modelsAge {
		return models, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, modelsTimeout, errStalled)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, modelsLimit))
	if err != nil {
		return nil, c.unreachable(ctx, err)
	}
	var list struct {
		Data []openai.Model `json:"data"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, garbage(fmt.Errorf("the list of models: %w", err))
	}
	models = make([]openai.Model, 0, len(list.Data))
	for _, m := range list.Data {
		if m.ID == "" {
			continue
		}
		// vLLM names the context by the one name, others by the other.
		m.Object, m.Context = "model", max(m.Context, m.MaxModelLen)
		m.MaxModelLen = m.Context
		models = append(models, m)
	}
	c.mu.Lock()
	c.models, c.asked = models, time.Now()
	c.mu.Unlock()
	return models, nil
}
