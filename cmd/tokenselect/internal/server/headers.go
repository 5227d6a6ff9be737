package server

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// policy is what the page may do: run its own scripts and the engine, and talk
// to this server. Safari before 15.4 did not count websockets as 'self'.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"font-src 'self'; connect-src 'self'%; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// fetchers are the page's workers that fetch from where the user says, models and
// recordings, and have a policy of their own for that: what a page may not do with
// a document, they may do with a file that they only read.
var fetchers = []string{"/models/fetcher.js", "/explore/open-worker.js"}

// elsewhere is where they may fetch from: secure sites, and this machine.
const elsewhere = " https: http://localhost:* http://127.0.0.1:*"

// plainHost is a host with or without port that can stand in a policy.
var plainHost = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?$`)

// protect sets the headers that every answer has. Origins are those of other
// sites that may use the files here.
func protect(next http.Handler, origins []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		to := ""
		if slices.Contains(fetchers, r.URL.Path) {
			to = elsewhere
		} else if plainHost.MatchString(r.Host) {
			to = " ws://" + r.Host + " wss://" + r.Host
		}
		h.Set("Content-Security-Policy", strings.Replace(policy, "%", to, 1))
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Embedder-Policy", "require-corp")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		if len(origins) > 0 {
			h.Add("Vary", "Origin")
			if o := r.Header.Get("Origin"); slices.Contains(origins, o) {
				h.Set("Access-Control-Allow-Origin", o)
				h.Set("Access-Control-Expose-Headers", "Content-Length, Content-Range, ETag")
				h.Set("Cross-Origin-Resource-Policy", "cross-origin")
				if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
					h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST")
					h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Range, If-Range, If-None-Match")
					h.Set("Access-Control-Max-Age", "3600")
					w.WriteHeader(http.StatusNoContent)
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// allowed tells whether a websocket may come from where it does: pages of the
// same host, of one of origins, or something that is no browser.
func allowed(origins []string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		o := r.Header.Get("Origin")
		if o == "" || slices.Contains(origins, o) {
			return true
		}
		u, err := url.Parse(o)
		return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
	}
}

// IsOrigin tells whether o is an origin that can be allowed, as browsers write them.
func IsOrigin(o string) bool {
	u, err := url.Parse(o)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && o == u.Scheme+"://"+u.Host
}
