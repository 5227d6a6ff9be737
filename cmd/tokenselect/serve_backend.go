//go:build !js

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"

	"tokenselect/cmd/tokenselect/internal/server"
	"tokenselect/cmd/tokenselect/internal/server/catalog"
	"tokenselect/cmd/tokenselect/internal/server/machine"
	"tokenselect/cmd/tokenselect/internal/server/metrics"
	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/cmd/tokenselect/internal/server/upstream"
)

// backend is what computes a server's answers: this machine, or an upstream.
type backend struct {
	about string // in words

	client *upstream.Client // nil: this machine

	machine *machine.Machine

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
			return nil, usageError{fmt.Errorf("-upstream: %w", err)}
		}
		b.about = "the engine at " + f.upstream
		c.Host = &upstream.Host{Client: b.client, Where: "server"}
		return b, nil
	}
	var err error
	b.machine, err = machine.New(ctx, machine.Config{
		Devices: func() (machine.Open, error) {
			d, err := f.device.devices()
			if err != nil {
				return nil, err
			}
			return d.open, nil
		},
		Auto: f.device.name == "auto", Catalog: list, KV: f.kv, Log: func(s string) { c.Log(errors.New(s)) },
	})
	if err != nil {
		return nil, err
	}
	info, why := b.machine.Device()
	b.about = fmt.Sprintf("%s (%s)", info.Name, why)
	c.Load, c.Health = b.machine.Load, b.machine.Health
	if c.Memory == 0 {
		// It stays so when another device is opened after a loss: what pages and
		// programs have reserved is counted in it. One with less memory says so
		// itself when it is full.
		c.Memory = 2 << 30
		if free := int64(info.Limits.Memory); free > 0 {
			c.Memory = max(free/2, 1)
		}
	}
	return b, nil
}

// serveAPI adds OpenAI's API to a server.
func (b *backend) serveAPI(s *server.Server, c server.Config, keys *openai.Keys) error {
	var answers openai.Backend = b.client
	if b.client == nil {
		const losses, about = "tokenselect_device_losses_total", "Devices that were lost, or hung, while the server used them."
		s.Metrics.Add(losses, about, 0)
		var err error
		answers, err = b.machine.API(pool.Config{Memory: c.Memory, Turn: s.Turn, Reserve: s.Reserve}, func() { s.Metrics.Add(losses, about, 1) })
		if err != nil {
			return err
		}
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
		if b.machine != nil {
			b.machine.Close()
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
