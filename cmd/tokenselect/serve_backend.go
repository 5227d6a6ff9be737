//go:build !js

package main

import (
	"context"
	"fmt"
	"os/exec"
	"sync"

	"tokenselect/cmd/tokenselect/internal/server"
	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/cmd/tokenselect/internal/server/local"
	"tokenselect/cmd/tokenselect/internal/server/metrics"
	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/cmd/tokenselect/internal/server/upstream"
	"tokenselect/engine/gpu"
	"tokenselect/engine/session"
	"tokenselect/engine/trace"
)

// backend is what computes a server's answers: this machine, or an upstream.
type backend struct {
	about string // in words

	client *upstream.Client // nil: this machine

	dev    gpu.Device
	models *local.Models
	first  session.Loaded // what the API answers with
	name   string
	pool   *pool.Pool

	once sync.Once
}

// backend opens what computes the answers, and has c use it.
func (f *serveFlags) backend(ctx context.Context, list *catalog.Catalog, c *server.Config) (*backend, error) {
	b := &backend{}
	if f.upstream != "" {
		key, err := upstream.ReadKey(f.upstreamKey)
		if err != nil {
			return nil, err
		}
		if b.client, err = upstream.New(upstream.Config{URL: f.upstream, Key: key}); err != nil {
			return nil, err
		}
		b.about = "the engine at " + f.upstream
		c.Host = &upstream.Host{Client: b.client, Where: "server"}
		return b, nil
	}
	dev, why, err := f.device.open()
	if err != nil {
		return nil, err
	}
	b.dev, b.about = dev, fmt.Sprintf("%s (%s)", dev.Info().Name, why)
	b.models = local.New(dev, why, f.kv, list)
	c.Load = b.models.Load
	if b.name, err = list.Name(""); err == nil {
		b.first, err = b.models.Load(ctx, trace.Command{Type: trace.Load}, func(string, int64, int64) {})
	}
	if err != nil {
		b.close()
		return nil, err
	}
	if c.Memory == 0 {
		c.Memory = 2 << 30
		if free := int64(dev.Info().Limits.Memory); free > 0 {
			c.Memory = max(free/2, 1)
		}
	}
	return b, nil
}

// serveAPI adds OpenAI's API to a server.
func (b *backend) serveAPI(s *server.Server, c server.Config, keys *openai.Keys) error {
	var answers openai.Backend = b.client
	if b.client == nil {
		var err error
		b.pool, err = pool.New(pool.Config{Model: b.first.Model, Name: b.name, Memory: c.Memory, Turn: s.Turn, Reserve: s.Reserve})
		if err != nil {
			return err
		}
		answers = b.pool
	}
	s.Handle("api", "/v1/", openai.New(answers, openai.Config{Keys: keys, Log: c.Log, Observe: func(o openai.Outcome) {
		a := metrics.Answer{Via: "api", Result: "done", PromptTokens: o.Usage.PromptTokens, CachedTokens: o.Usage.PromptDetails.CachedTokens,
			AnswerTokens: o.Usage.CompletionTokens, First: o.First}
		switch {
		case o.Status == statusClientGone:
			a.Result = "stopped"
		case o.Status != 200:
			a.Result = "failed"
		}
		if n := o.Usage.CompletionTokens - 1; n > 0 && o.Decode > 0 {
			a.Decode = float64(n) / o.Decode.Seconds()
		}
		s.Metrics.Answered(a)
	}}))
	return nil
}

// statusClientGone is what package openai calls a request whose client went.
const statusClientGone = 499

// close frees everything, once nothing is answered any more.
func (b *backend) close() {
	b.once.Do(func() {
		if b.client != nil {
			b.client.Close()
		}
		if b.pool != nil {
			b.pool.Close()
		}
		if b.first.Release != nil {
			b.first.Release()
		}
		if b.models == nil || b.models.Close() == nil { // a model in use keeps the device open until the process ends
			if b.dev != nil {
				b.dev.Close()
			}
		}
	})
}

// start starts a program and does not wait for its end.
func start(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait()
	return nil
}
