// Package hub fetches models from the Hugging Face hub, or a server that speaks
// its API, into a folder of this machine, and finds them there again.
//
// A model is a GGUF file (with all its parts, where it is split) or the files of
// a safetensors checkpoint. It is fetched into a folder of its own under
// partial/, in ranges over several connections at once, with a journal of what
// is there, so that it goes on after an interruption of any kind; every file is
// verified by the digest that the hub's listing names; and the folder is renamed
// into models/ when it is whole. So whatever lies in models/ is complete.
package hub

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultEndpoint is the hub.
const DefaultEndpoint = "https://huggingface.co"

// Client talks to a hub. It is safe for concurrent use.
type Client struct {
	Endpoint    *url.URL
	Token       Token
	HTTP        *http.Client
	Connections int   // of one file at a time
	Piece       int64 // bytes asked for in one request of several
	Timing      Timing
}

// Timing is how patient a client is.
type Timing struct {
	Stall    time.Duration // without a byte, after which a connection is given up
	Backoff  time.Duration // before the second attempt; twice as long before each further one
	Longest  time.Duration // of backing off
	MostWait time.Duration // that a server may ask for; more is an error
	Attempts int           // in a row without a byte
	Journal  time.Duration // between two notes of what is there: what a kill may cost
}

// New is a client of the hub at endpoint; "" is Hugging Face's. Proxies are those
// of the environment.
func New(endpoint string, token Token) (*Client, error) {
	if endpoint == "" {
		endpoint = DefaultEndpoint
	}
	u, err := url.Parse(strings.TrimRight(endpoint, "/"))
	if err == nil && u.User != nil {
		return nil, fmt.Errorf("the hub's address has a user in it, expected one such as %s, and the token in HF_TOKEN", DefaultEndpoint)
	}
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the hub's address is %q, expected one such as %s", endpoint, DefaultEndpoint)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // ranges are of the files as they are
	transport.MaxIdleConnsPerHost = 16
	// HTTP/2 would send all ranges through one connection, and be as slow as that.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	transport.ForceAttemptHTTP2 = false
	return &Client{
		Endpoint: u, Token: token, Connections: 4, Piece: 32 << 20,
		HTTP: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Timing: Timing{Stall: 20 * time.Second, Backoff: time.Second, Longest: 30 * time.Second, MostWait: 5 * time.Minute, Attempts: 6,
			Journal: time.Second},
	}, nil
}

// errStalled is why a request was given up.
var errStalled = errors.New("nothing came any more")
