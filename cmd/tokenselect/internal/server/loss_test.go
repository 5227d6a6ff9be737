package server_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"tokenselect/cmd/tokenselect/internal/server/machine"
	"tokenselect/cmd/tokenselect/internal/server/saidtest"
	"tokenselect/engine/gpu"
	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/gpu/gputest"
	"tokenselect/engine/trace"
)

// healthy asks on a device that does not fail, and counts its submissions: when
// the model is loaded, and when it has answered.
func healthy(t *testing.T) (loaded, all int) {
	t.Helper()
	calm := glass(&gputest.Failing{})
	t.Run("healthy", func(t *testing.T) {
		s, said := onMachine(t, &shelf{passes: [][]gpu.Device{{calm}}}, machine.Config{}, calm)
		loaded = calm.Calls(gputest.Submit)
		p := visit(t, s.url)
		p.open(reading)
		if got := text(t, p.question(trace.Done)); got != answered || len(said.All()) > 0 {
			t.Errorf("answered %q, said %q", got, said.All())
		}
	})
	return loaded, calm.Calls(gputest.Submit)
}

// failsAt is a device that is lost at a submission.
func failsAt(n int, err error) *gputest.Failing {
	return glass(&gputest.Failing{Call: gputest.Submit, After: n, Err: err})
}

// well checks that a server is well again after losses.
func well(t *testing.T, s *running, said *saidtest.Lines, losses int) {
	t.Helper()
	if w := get(s, "GET", "/healthz"); w.Code != 200 || !strings.Contains(w.Body.String(), `"status":"ok"`) {
		t.Errorf("health: %d %s", w.Code, w.Body)
	}
	if !metric(s, "losses "+string(rune('0'+losses))) {
		t.Errorf("%s\nexpected %d losses", get(s, "GET", "/metrics").Body, losses)
	}
	if lost, on := said.With("the device was lost while"), said.With("going on with"); len(lost) != losses || len(on) != losses {
		t.Errorf("said %q, expected %d losses and what it goes on with once each", said.All(), losses)
	}
}

// TestLossOnPage: a question that loses the device is told so, as are those
// after it until the model is loaded again; then the answer is as ever.
func TestLossOnPage(t *testing.T) {
	loaded, all := healthy(t)
	for name, at := range map[string]int{"prefill": loaded + 1, "answer": all - 3} {
		t.Run(name, func(t *testing.T) {
			dev, next := failsAt(at, gpu.ErrDeviceLost), glass(&gputest.Failing{})
			s, said := onMachine(t, &shelf{passes: [][]gpu.Device{{dev}, {next}}}, machine.Config{}, dev, next)
			p := visit(t, s.url)
			p.open(reading)
			told := false
			for range 2 {
				events := p.question(trace.Failed)
				if e := events[len(events)-1].Error; e.Code != trace.DeviceLost || e.Hint == "" {
					t.Errorf("told %+v, expected device_lost", e)
				}
				for _, e := range events {
					told = told || e.Type == trace.Token
				}
			}
			if told != (name == "answer") {
				t.Errorf("part of the answer came: %v", told)
			}
			p.open(reading)
			if got := text(t, p.question(trace.Done)); got != answered {
				t.Errorf("answered %q after the loss", got)
			}
			well(t, s, said, 1)
		})
	}
}

// TestLossOverAPI: who is being answered is told, who asks next is answered.
func TestLossOverAPI(t *testing.T) {
	loaded, all := healthy(t)
	for _, c := range []struct {
		name   string
		at     int
		stream bool
	}{{"prefill", loaded + 1, false}, {"prefill of a stream", loaded + 1, true}, {"answer", all - 3, false}, {"answer in a stream", all - 3, true}} {
		t.Run(c.name, func(t *testing.T) {
			dev, next := failsAt(c.at, gpu.ErrDeviceLost), glass(&gputest.Failing{})
			s, said := onMachine(t, &shelf{passes: [][]gpu.Device{{dev}, {next}}}, machine.Config{}, dev, next)
			resp, body := program(t, s, c.stream)
			begun := c.name == "answer in a stream"
			if (resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "") && !begun || !strings.Contains(body, `"code":"device_lost"`) {
				t.Errorf("%d %v %s, expected device_lost", resp.StatusCode, resp.Header, body)
			}
			if begun && (resp.StatusCode != 200 || !strings.Contains(body, `"content":" keeps"`) || !strings.HasSuffix(body, "data: [DONE]\n\n")) {
				t.Errorf("%d %s, expected an event with the error", resp.StatusCode, body)
			}
			resp, body = program(t, s, false)
			if resp.StatusCode != 200 || !strings.Contains(body, answered) || !strings.Contains(body, `"cached_tokens":0`) {
				t.Errorf("%d %s after the loss", resp.StatusCode, body)
			}
			well(t, s, said, 1)
		})
	}
}

// TestLossWhileOthersWait: only the request that was being answered fails, and
// one device is opened for all the others.
func TestLossWhileOthersWait(t *testing.T) {
	loaded, _ := healthy(t)
	dev, next := failsAt(loaded+1, gpu.ErrDeviceLost), glass(&gputest.Failing{})
	shelf := &shelf{passes: [][]gpu.Device{{dev}, {next}}}
	s, said := onMachine(t, shelf, machine.Config{}, dev, next)
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			resp, body := program(t, s, false)
			if resp.StatusCode == 200 && !strings.Contains(body, answered) {
				t.Errorf("answered %s", body)
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[resp.StatusCode]++
		})
	}
	all.Wait()
	if statuses[200] != 4 || statuses[503] != 1 || shelf.tries() != 2 {
		t.Errorf("statuses %v after opening %d times, expected one 503 and a device opened once more", statuses, shelf.tries())
	}
	well(t, s, said, 1)
}

// TestLossWhileIdle: a device that was lost while nobody asked is found out by a
// request that comes, which is answered all the same.
func TestLossWhileIdle(t *testing.T) {
	calm := glass(&gputest.Failing{})
	t.Run("healthy", func(t *testing.T) {
		onMachine(t, &shelf{passes: [][]gpu.Device{{calm}}}, machine.Config{}, calm)
	})
	dev := glass(&gputest.Failing{Call: gputest.NewBuffer, After: calm.Calls(gputest.NewBuffer), Err: gpu.ErrDeviceLost})
	next := glass(&gputest.Failing{})
	s, said := onMachine(t, &shelf{passes: [][]gpu.Device{{dev}, {next}}}, machine.Config{}, dev, next)
	if resp, body := program(t, s, false); resp.StatusCode != 200 || !strings.Contains(body, answered) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	well(t, s, said, 1)
}

// TestLostAgain: auto opens a device once more, then takes the next.
func TestLostAgain(t *testing.T) {
	loaded, _ := healthy(t)
	cpu := cpudev.New(cpudev.Options{})
	one, two := failsAt(loaded+1, gpu.ErrDeviceLost), failsAt(loaded+1, gpu.ErrDeviceLost)
	fit := &gputest.Failing{Device: cpu}
	shelf := &shelf{passes: [][]gpu.Device{{one, nil}, {two, fit}}}
	s, said := onMachine(t, shelf, machine.Config{Auto: true}, one, two, fit)
	p := visit(t, s.url)
	for range 2 {
		p.open(reading)
		p.question(trace.Failed)
	}
	events := p.until(p.say(trace.Command{Type: trace.Load}), trace.Loaded)
	if info := events[len(events)-1].Info; info.Adapter != cpu.Info().Name || !strings.Contains(info.Why, "Glass GPU was lost") {
		t.Errorf("goes on with %q because %q", info.Adapter, info.Why)
	}
	p.until(p.say(trace.Command{Type: trace.Open, Document: reading}), trace.Opened)
	if got := text(t, p.question(trace.Done)); got != answered || shelf.tries() != 2 {
		t.Errorf("answered %q, began %d times with the first device", got, shelf.tries())
	}
	well(t, s, said, 2)
}

// TestHang: auto takes the next device at once, and what hangs is not touched.
func TestHang(t *testing.T) {
	loaded, _ := healthy(t)
	dev, fit := failsAt(loaded+1, gpu.ErrHang), &gputest.Failing{Device: cpudev.New(cpudev.Options{})}
	shelf := &shelf{passes: [][]gpu.Device{{dev, fit}}}
	s, said := onMachine(t, shelf, machine.Config{Auto: true}, fit)
	t.Cleanup(dev.Device.Close)
	p := visit(t, s.url)
	p.open(reading)
	events := p.question(trace.Failed)
	if e := events[len(events)-1].Error; e.Code != trace.DeviceLost || !strings.Contains(e.Message, "does not answer") {
		t.Errorf("told %+v, expected device_lost", e)
	}
	p.open(reading)
	if got := text(t, p.question(trace.Done)); got != answered || shelf.tries() != 1 {
		t.Errorf("answered %q, began %d times with the first device", got, shelf.tries())
	}
	if dev.Buffers() == 0 {
		t.Error("buffers of a device that hangs were freed")
	}
	if len(said.With("no answer while")) != 1 || len(said.With("going on with")) != 1 {
		t.Errorf("said %q", said.All())
	}
}

// TestNeverBack: where no device can be opened, everybody is told why, and it is
// not tried for each of them.
func TestNeverBack(t *testing.T) {
	loaded, _ := healthy(t)
	dev := failsAt(loaded+1, gpu.ErrDeviceLost)
	shelf := &shelf{passes: [][]gpu.Device{{dev}, {nil}}}
	s, said := onMachine(t, shelf, machine.Config{Pause: time.Hour}, dev)
	program(t, s, false)
	const why = "fallen off the bus"
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			resp, body := program(t, s, false)
			if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "3600" || !strings.Contains(body, why) {
				t.Errorf("%d %s", resp.StatusCode, body)
			}
		})
	}
	all.Wait()
	p := visit(t, s.url)
	e := p.until(p.say(trace.Command{Type: trace.Load}), trace.Failed)
	if last := e[len(e)-1].Error; last.Code != trace.DeviceLost || !strings.Contains(last.Message, why) {
		t.Errorf("a page was told %+v", last)
	}
	w := get(s, "GET", "/healthz")
	var health struct{ Status string }
	if err := json.Unmarshal(w.Body.Bytes(), &health); err != nil || w.Code != 503 || !strings.Contains(health.Status, why) || strings.Contains(health.Status, "\n") {
		t.Errorf("health: %d %s", w.Code, w.Body)
	}
	if n := shelf.tries(); n != 2 || len(said.With(why)) != 1 {
		t.Errorf("tried to open %d times, said %q", n, said.All())
	}
	if resp := get(s, "GET", "/v1/models"); resp.Code != 200 || !strings.Contains(resp.Body.String(), "needle-16m") {
		t.Errorf("models: %d %s", resp.Code, resp.Body)
	}
}

// TestBack: who only looks whether the server is well makes it try, too.
func TestBack(t *testing.T) {
	loaded, _ := healthy(t)
	dev, next := failsAt(loaded+1, gpu.ErrDeviceLost), glass(&gputest.Failing{})
	shelf := &shelf{passes: [][]gpu.Device{{dev}, {nil}, {nil}, {next}}}
	s, said := onMachine(t, shelf, machine.Config{Pause: time.Millisecond}, dev, next)
	program(t, s, false)
	if w := get(s, "GET", "/healthz"); w.Code != 503 || !strings.Contains(w.Body.String(), "Glass GPU") {
		t.Errorf("health: %d %s", w.Code, w.Body)
	}
	eventually(t, "it is well again", func() bool { return get(s, "GET", "/healthz").Code == 200 })
	if resp, body := program(t, s, false); resp.StatusCode != 200 || !strings.Contains(body, answered) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	if n := shelf.tries(); n != 4 || len(said.With("off the bus")) != 1 {
		t.Errorf("tried %d times, said %q", n, said.All())
	}
}
