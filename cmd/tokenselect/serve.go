//go:build !js

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tokenselect/cmd/tokenselect/internal/server"
	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/engine/gpu/webgpujs"
	"tokenselect/engine/kernels/simd"
	"tokenselect/web"
)

func serveCommand() []command {
	return []command{{"serve", "[flags]", "the page in the browser, and the engine for pages and programs, as a web server", runServe}}
}

// serveFlags are those of serve.
type serveFlags struct {
	addr, kv                  string
	device                    *deviceFlags
	models, first, wasm       string
	system, template          string
	offered                   []string
	open                      bool
	cert, key, tls            string
	apiKeys                   string
	upstream, upstreamKey     string
	origins                   []string
	generations, queue        int
	sessions                  int
	memory, message, document byteSizeFlag
	grace                     time.Duration
}

func (f *serveFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&f.addr, "addr", "127.0.0.1:8080", "`address` to listen on; 0.0.0.0:8080 lets other machines in, port 0 takes any that is free")
	fs.BoolVar(&f.open, "open", false, "open the page in the browser")
	fs.Func("model", "`model` to offer, which comes first: a GGUF file, any file of a split one, or the name of a pulled model such as owner/name:Q8_0; may be given several times", func(name string) error {
		f.offered = append(f.offered, name)
		return nil
	})
	fs.StringVar(&f.models, "models", "", "`folder` whose *.gguf files are offered besides the built-in model, the files of a split one as one model")
	fs.StringVar(&f.first, "default", "", "`name` of the model that comes first: for programs that name none, and on the page; default: that of -model, else the built-in needle-16m")
	f.device = addDeviceFlags(fs)
	addCache(fs, &f.kv)

	fs.StringVar(&f.system, "system", "", "`text` that models on this machine are told before a page's document; programs say their own")
	fs.StringVar(&f.template, "template", "", templateHelp+", for the models of -models that have none")

	fs.StringVar(&f.tls, "tls", "", `"auto": serve https with a certificate made for this machine and kept. Browsers give WebGPU to https and localhost only, so that other machines need it; they warn once, and the fingerprint that is printed tells the certificate from a forgery`)
	fs.StringVar(&f.cert, "tls-cert", "", "serve https with the certificate in this PEM `file`")
	fs.StringVar(&f.key, "tls-key", "", "`file` with its key")
	fs.StringVar(&f.apiKeys, "api-keys", "", "`file` with the keys that programs must show to use /v1/, one a line; default: no key is asked for")
	fs.Func("allow-origin", "`origin` of another site whose pages may use this server, such as https://example.org; may be given several times", func(o string) error {
		if !server.IsOrigin(o) {
			return errors.New("expected one like https://example.org")
		}
		f.origins = append(f.origins, o)
		return nil
	})
	fs.StringVar(&f.upstream, "upstream", "", "`URL` of an engine that speaks OpenAI's API (vLLM, SGLang, llama.cpp's server, or this one elsewhere) to compute the server's answers")
	fs.StringVar(&f.upstreamKey, "upstream-key-file", "", "`file` with its API key; default: the environment variable TOKENSELECT_UPSTREAM_KEY, if set")

	f.memory.limit, f.message.limit, f.document.limit = 1<<50, 1<<30, 1<<50
	fs.IntVar(&f.generations, "generations", 4, "`answers` computed at a time; further questions wait in line and are told their place")
	fs.IntVar(&f.queue, "queue", 256, "`questions` that may wait; more are refused")
	fs.IntVar(&f.sessions, "sessions", 1000, "`visitors` at a time; more are refused")
	fs.Var(&f.memory, "memory", "`bytes` for what has been read of all documents, such as 2GiB; when it is full, who was idle for longest gives up theirs first and is read again; default: half of what the device has free, or 2GiB where that is not known")
	fs.Var(&f.message, "message", "`bytes` of a message, and so of a document, at most; default: 16MiB")
	fs.Var(&f.document, "documents", "`bytes` of the text of all visitors' documents; default: 1GiB")
	fs.DurationVar(&f.grace, "grace", 10*time.Second, "`time` for running answers to end when the server is stopped")
	fs.StringVar(&f.wasm, "wasm", "", "`file` of the engine for browsers, tokenselect.wasm, with wasm_exec.js beside it and, for bench.html, bench.wasm; default: those beside this program. Without them pages use this server's engine")
}

func (f *serveFlags) check() error {
	_, port, addrErr := net.SplitHostPort(f.addr)
	if addrErr == nil {
		_, addrErr = net.LookupPort("tcp", port)
	}
	switch {
	case addrErr != nil:
		return usagef("-addr %q: %v; expected HOST:PORT, for example 127.0.0.1:8080", f.addr, addrErr)
	case f.tls != "" && f.tls != "auto":
		return usagef("-tls %q, expected auto", f.tls)
	case f.tls != "" && (f.cert != "" || f.key != ""):
		return usagef("-tls auto with -tls-cert or -tls-key, expected the one or the others")
	case (f.cert == "") != (f.key == ""):
		return usagef("-tls-cert and -tls-key belong together, one of them is missing")
	case f.generations < 1 || f.queue < 1 || f.sessions < 1:
		return usagef("-generations %d -queue %d -sessions %d, expected at least 1 of each", f.generations, f.queue, f.sessions)
	case f.grace < 0:
		return usagef("-grace %v, expected 0 or more", f.grace)
	case f.upstream == "" && f.upstreamKey != "":
		return usagef("-upstream-key-file without -upstream")
	}
	return nil
}

func runServe(ctx context.Context, fs *flag.FlagSet, args []string, std stdio) error {
	var f serveFlags
	f.add(fs)
	if err := parse(fs, args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return usagef("%d arguments, expected flags only", fs.NArg())
	}
	if err := f.check(); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	say := func(format string, args ...any) { fmt.Fprintf(std.err, format+"\n", args...) }

	// What can be wrong is found before anything takes its time.
	l, err := server.Listen(f.addr)
	if err != nil {
		return err
	}
	defer l.Close()
	secure, fingerprint, err := f.listenTLS(l)
	if err != nil {
		return err
	}
	var keys *openai.Keys
	if f.apiKeys != "" {
		if keys, err = openai.ReadKeys(f.apiKeys); err != nil {
			return err
		}
	}
	models, err := f.catalog(func(s string) { say("%s", s) })
	if err != nil {
		return err
	}
	c := server.Config{
		System: f.system, Static: web.Static(), Catalog: models, Generations: f.generations, Queue: f.queue, Memory: int64(f.memory.n),
		Origins: f.origins, Log: func(err error) { say("%v", err) },
	}
	c.Live.Sessions, c.Live.Message, c.Live.Documents = f.sessions, f.message.n, f.document.n
	if c.Files, c.Missing, err = f.files(say); err != nil {
		return err
	}
	b, err := f.backend(ctx, models, &c)
	if err != nil {
		return err
	}
	defer b.close()
	s, err := server.New(c)
	if err != nil {
		return err
	}
	if engine := f.engine(); engine != "" {
		s.Handle("files", "GET /"+benchProgram, serveBench(filepath.Join(filepath.Dir(engine), benchProgram)))
	}
	err = b.serveAPI(s, c, keys)
	if f.memory.n > 0 && errors.Is(err, pool.ErrMemory) {
		return usageError{fmt.Errorf("-memory: %w", err)}
	}
	if err != nil {
		return err
	}

	url := f.url(l.Addr(), secure != nil)
	say("tokenselect is at %s", url)
	for _, u := range f.others(l.Addr(), secure != nil) {
		say("  and for other machines at %s", u)
	}
	if fingerprint != "" {
		say("  the SHA-256 fingerprint of its certificate is %s", fingerprint)
	}
	say("  answers are computed on %s", b.about)
	if f.open {
		if err := openBrowser(url); err != nil {
			say("the browser was not opened: %v", err)
		}
	}
	if secure != nil {
		l = secure
	}
	if err := s.Run(ctx, l, f.grace); err != nil {
		return err
	}
	say("stopped")
	return nil
}

// catalog lists the built-in model and those of -models.
func (f *serveFlags) catalog(log func(string)) (*catalog.Catalog, error) {
	template, err := readTemplate(f.template)
	if err != nil {
		return nil, err
	}
	path, data := web.DefaultModel()
	c := catalog.Config{Template: template, Builtin: catalog.Builtin{Name: "needle-16m", Path: path, Data: data}, Dir: f.models, First: f.first, Log: log}
	for _, name := range f.offered {
		file, err := servedModel(name)
		if err != nil {
			return nil, fmt.Errorf("-model: %w", err)
		}
		c.Files = append(c.Files, file)
	}
	if c.First == "" && len(c.Files) > 0 {
		c.First = c.Files[0].Name
	}
	if dir, err := os.UserCacheDir(); err == nil {
		c.Sidecar = filepath.Join(dir, "tokenselect", "digests.json")
	}
	models, err := catalog.New(c)
	if errors.Is(err, catalog.ErrFirst) {
		return nil, usageError{fmt.Errorf("-default: %w", err)}
	}
	return models, err
}

// engine is where the engine for browsers is, "" where that cannot be known.
func (f *serveFlags) engine() string {
	if f.wasm != "" {
		return f.wasm
	}
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(exe), "tokenselect.wasm")
}

// files are those of the engine for browsers, which is built apart from this
// program.
func (f *serveFlags) files(say func(string, ...any)) (files map[string][]byte, missing map[string]string, err error) {
	files = map[string][]byte{"webgpu.js": webgpujs.Source, "simd128.js": simd.Loader, "simd128.wasm": simd.Module}
	missing = map[string]string{}
	if err := addSources(files); err != nil {
		return nil, nil, err
	}
	path := f.engine()
	if path == "" {
		return files, missing, nil
	}
	for _, name := range []string{"tokenselect.wasm", "wasm_exec.js"} {
		from := filepath.Join(filepath.Dir(path), name)
		if name == "tokenselect.wasm" {
			from = path
		}
		raw, err := os.ReadFile(from)
		switch {
		case err == nil:
			files[name] = raw
		case f.wasm != "":
			return nil, nil, fmt.Errorf("-wasm: %w", err)
		default:
			missing[name] = name + " is not beside the server's program, so that pages cannot compute themselves; make wasm builds it, and -wasm says where it is. The server's own engine can be used meanwhile."
			say("%s is missing (make wasm builds it): pages will use this server's engine", from)
		}
	}
	return files, missing, nil
}

// url is where the page is for this machine.
func (f *serveFlags) url(addr net.Addr, secure bool) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return scheme(secure) + net.JoinHostPort(host, port) + "/"
}

func scheme(secure bool) string {
	if secure {
		return "https://"
	}
	return "http://"
}

// openBrowser opens a page where there is a display.
func openBrowser(url string) error {
	switch runtime.GOOS {
	case "darwin":
		return start("open", url)
	case "windows":
		return start("rundll32", "url.dll,FileProtocolHandler", url)
	}
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return errors.New("there is no display")
	}
	return start("xdg-open", url)
}

// byteSizeFlag is a number of bytes as people write it. 0: not given.
type byteSizeFlag struct{ n, limit int64 }

func (b *byteSizeFlag) String() string {
	if b.n == 0 {
		return ""
	}
	return byteSize(b.n)
}

var byteUnits = []string{"", "K", "M", "G", "T"}

func (b *byteSizeFlag) Set(s string) error {
	digits := strings.TrimRight(s, "KMGTiBkmgtb ")
	unit := strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(s[len(digits):])), "B"), "I")
	i := slices.Index(byteUnits, unit)
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || i < 0 {
		return errors.New("expected a number of bytes such as 512MiB or 2GiB")
	}
	v *= float64(int64(1) << (10 * i))
	if !(v >= 1 && v <= float64(b.limit)) { // NaN too
		return fmt.Errorf("expected 1 byte to %s", byteSize(b.limit))
	}
	b.n = int64(v)
	return nil
}
