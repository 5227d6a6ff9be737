package assets_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"tokenselect/cmd/tokenselect/internal/server/assets"
)

var page = strings.Repeat("<p>It was a plain day.</p>\n", 100)

func serve(t *testing.T) *assets.Assets {
	t.Helper()
	root := fstest.MapFS{
		"index.html":       {Data: []byte(page)},
		"app/worker.mjs":   {Data: []byte(strings.Repeat("postMessage(1);\n", 100))},
		"tiny.css":         {Data: []byte("p{}")},
		"tokenselect.wasm": {Data: []byte("old")},
	}
	a, err := assets.New(root, map[string][]byte{"tokenselect.wasm": bytes.Repeat([]byte("\x00asm"), 1000)}, map[string]string{"engine.wasm": "make wasm builds it"})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func get(a http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result()
}

func TestTypes(t *testing.T) {
	a := serve(t)
	a.Compress()
	for path, want := range map[string]string{
		"/": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8", "/app/worker.mjs": "text/javascript; charset=utf-8",
		"/tiny.css": "text/css; charset=utf-8", "/tokenselect.wasm": "application/wasm",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			r := get(a, method, path)
			if r.StatusCode != 200 || r.Header.Get("Content-Type") != want || r.Header.Get("Cache-Control") != "no-cache" ||
				r.Header.Get("Vary") != "Accept-Encoding" || r.Header.Get("Content-Length") == "" {
				t.Errorf("%s %s: %d %v", method, path, r.StatusCode, r.Header)
			}
			if body, _ := io.ReadAll(r.Body); (method == "HEAD") != (len(body) == 0) {
				t.Errorf("%s %s: a body of %d bytes", method, path, len(body))
			}
		}
	}
	if body, _ := io.ReadAll(get(a, "GET", "/tokenselect.wasm").Body); len(body) != 4000 {
		t.Errorf("wasm of %d bytes, expected the newer one", len(body))
	}
}

func TestEncodings(t *testing.T) {
	a := serve(t)
	for accept, encoded := range map[string]bool{
		"": false, "gzip": true, "gzip, deflate, br": true, "br": false, "gzip;q=0": false, "gzip;q=0.5": true, "*": true,
		"*;q=0": false, "identity, *;q=0.1": true, "gzip;q=0, *": false, "GZIP": true, "gzip;q=x": false, "gzipped": false,
	} {
		r := get(a, "GET", "/", "Accept-Encoding", accept)
		body, _ := io.ReadAll(r.Body)
		if (r.Header.Get("Content-Encoding") == "gzip") != encoded {
			t.Errorf("%q: encoding %q", accept, r.Header.Get("Content-Encoding"))
			continue
		}
		if encoded {
			if len(body) > len(page)/5 {
				t.Errorf("%d bytes of %d compressed", len(body), len(page))
			}
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			body, _ = io.ReadAll(z)
		}
		if string(body) != page {
			t.Errorf("%q: another page", accept)
		}
	}
	if r := get(a, "GET", "/tiny.css", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" {
		t.Error("3 bytes were compressed")
	}
}

func TestETag(t *testing.T) {
	a := serve(t)
	plain, packed := get(a, "GET", "/").Header.Get("ETag"), get(a, "GET", "/", "Accept-Encoding", "gzip").Header.Get("ETag")
	if plain == packed || !strings.HasPrefix(plain, `"`) {
		t.Errorf("ETags %s and %s, expected one for each encoding", plain, packed)
	}
	for _, c := range []struct {
		accept, match string
		status        int
	}{{"", plain, 304}, {"gzip", packed, 304}, {"gzip", plain, 200}, {"", `"other"`, 200}, {"", `"other", W/` + plain, 304}, {"", "*", 304}} {
		r := get(a, "GET", "/", "Accept-Encoding", c.accept, "If-None-Match", c.match)
		if r.StatusCode != c.status {
			t.Errorf("%q %s: %d, expected %d", c.accept, c.match, r.StatusCode, c.status)
		}
		if body, _ := io.ReadAll(r.Body); c.status == 304 && len(body) > 0 {
			t.Error("a body with 304")
		}
	}
}

func TestMissing(t *testing.T) {
	a := serve(t)
	for path, want := range map[string]string{"/engine.wasm": "make wasm", "/none.js": "/none.js", "/app/": "no \"/app/\"", "/../go.mod": "no"} {
		r := get(a, "GET", path)
		body, _ := io.ReadAll(r.Body)
		if r.StatusCode != 404 || !strings.Contains(string(body), want) || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q", path, r.StatusCode, body)
		}
	}
	if r := get(a, "POST", "/"); r.StatusCode != 405 || r.Header.Get("Allow") == "" {
		t.Errorf("POST: %d", r.StatusCode)
	}
}
