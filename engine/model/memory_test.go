//go:build linux

package model

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tokenselect/engine/gpu/cpudev"
	"tokenselect/engine/weights"
)

// toLoad names the model that a copy of this program is to load.
const toLoad = "TOKENSELECT_TEST_LOAD"

// resident is a line of this process's memory, in bytes.
func resident(t *testing.T, name string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("/proc/self/status has no %s", name)
	return 0
}

// TestLoadChild is the copy: it says how much more memory it had at its peak than
// before, and how much the device took.
func TestLoadChild(t *testing.T) {
	path := os.Getenv(toLoad)
	if path == "" {
		t.Skip("skipped: TestPeakMemory runs it")
	}
	dev := cpudev.New(cpudev.Options{})
	defer dev.Close()
	first, err := weights.Random(tiny, weights.Q8_0, 1) // for the program's own pages
	if err != nil {
		t.Fatal(err)
	}
	small, err := Load(dev, first)
	if err != nil {
		t.Fatal(err)
	}
	small.Close()
	before := resident(t, "VmRSS")
	ckpt, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ckpt.Close()
	m, err := Load(dev, ckpt)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	fmt.Printf("grown %d %d\n", resident(t, "VmHWM")-before, m.Bytes())
}

var tiny = weights.Config{Architecture: "llama", Name: "tiny", Layers: 1, Hidden: 64, FeedForward: 96, Heads: 4, KVHeads: 2, HeadDim: 16,
	Vocab: 200, Context: 512, NormEps: 1e-5, RopeTheta: 1e4}

// TestPeakMemory: from opening a file to its weights' being on the CPU device a
// program's memory grows by what the device takes and at most a tenth of the file.
func TestPeakMemory(t *testing.T) {
	c := weights.Config{Architecture: "llama", Name: "random", Layers: 6, Hidden: 1024, FeedForward: 2816, Heads: 16, KVHeads: 4, HeadDim: 64,
		Vocab: 32768, Context: 2048, NormEps: 1e-5, RopeTheta: 10000, TieEmbeddings: true}
	m, err := weights.Random(c, weights.Q8_0, 1)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "random.gguf")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := weights.WriteGGUF(w, m, weights.Q8_0); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	child := exec.Command(os.Args[0], "-test.run=^TestLoadChild$", "-test.v")
	child.Env = append(os.Environ(), toLoad+"="+path)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var grown, device int64
	_, line, _ := strings.Cut(string(out), "grown ")
	if _, err := fmt.Sscan(line, &grown, &device); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	t.Logf("a file of %.1f MB, %.1f MB on the device: memory grew by %.1f MB, %.3f of the file", float64(info.Size())/1e6, float64(device)/1e6, float64(grown)/1e6, float64(grown)/float64(info.Size()))
	if most := info.Size() + info.Size()/10; grown > most {
		t.Errorf("memory grew by %d bytes, expected at most %d for a file of %d", grown, most, info.Size())
	}
}
