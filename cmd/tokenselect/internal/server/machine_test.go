package server_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/machine"
	"tokenselect/cmd/tokenselect/internal/server/openai"
	"tokenselect/cmd/tokenselect/internal/server/pool"
	"tokenselect/cmd/tokenselect/internal/server/saidtest"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/trace"
)

const answered = "Ada Dixon keeps a fox."

// reading is three chunks of a prompt.
var reading = strings.Repeat(plain, 100) + people

// glass is a device of that name that fails.
func glass(f *gputest.Failing) *gputest.Failing {
	f.Device = posing{cpudev.New(cpudev.Options{})}
	return f
}

type posing struct{ gpu.Device }

func (p posing) Info() gpu.Info {
	info := p.Device.Info()
	info.Name = "Glass GPU"
	return info
}

// shelf is the devices of a test, in the order in which they can be opened; nil
// cannot. Opening begins where it last ended unless all are tried anew.
type shelf struct {
	mu     sync.Mutex
	passes [][]gpu.Device // one for each time that opening begins
	begun  int
}

func (s *shelf) devices() (machine.Open, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pass := s.passes[min(s.begun, len(s.passes)-1)]
	s.begun++
	return func() (gpu.Device, string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(pass) == 0 {
			return nil, "", errors.New("no other device is left")
		}
		dev := pass[0]
		pass = pass[1:]
		if dev == nil {
			return nil, "", errors.New("it has fallen off the bus")
		}
		return gpu.Guard(dev, 0), "for a test", nil
	}, nil
}

func (s *shelf) tries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// onMachine is a server that computes on the devices of a shelf, for pages and
// programs. When it has ended, nothing of it is left on those named.
func onMachine(t *testing.T, s *shelf, c machine.Config, devices ...*gputest.Failing) (*running, *saidtest.Lines) {
	t.Helper()
	sc, done := config(t)
	done()
	said := &saidtest.Lines{}
	c.Devices, c.Catalog, c.Log = s.devices, sc.Catalog, said.Say
	m, err := machine.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	sc.Load, sc.Health, sc.Generations = m.Load, m.Health, 1
	sc.Log = func(err error) { said.Say(err.Error()) }
	srv := run(t, sc, time.Minute, func() {
		m.Close()
		for i, f := range devices {
			if n := f.Buffers(); n != 0 {
				t.Errorf("%d buffers are left on device %d", n, i)
			}
		}
	})
	srv.Metrics.Add("losses", "For a test.", 0)
	api, err := m.API(pool.Config{Turn: srv.Turn, Reserve: srv.Reserve}, func() { srv.Metrics.Add("losses", "For a test.", 1) })
	if err != nil {
		t.Fatal(err)
	}
	srv.Handle("api", "/v1/", openai.New(api, openai.Config{Log: sc.Log}))
	return srv, said
}

// program asks over the API.
func program(t *testing.T, s *running, stream bool) (*http.Response, string) {
	t.Helper()
	body := `{"messages":[{"role":"user","content":"` + reading + "\\n\\n" + question + `"}]}`
	if stream {
		body = strings.Replace(body, "{", `{"stream":true,`, 1)
	}
	resp, err := http.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return &http.Response{}, ""
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp, string(raw)
}

// question asks over the websocket.
func (p *page) question(kind string) []trace.Event {
	p.t.Helper()
	return p.until(p.say(trace.Command{Type: trace.Ask, Question: question}), kind)
}

// metric is a line of the metrics.
func metric(s *running, line string) bool {
	return strings.Contains("\n"+get(s, "GET", "/metrics").Body.String(), "\n"+line+"\n")
}
