package mass

import (
	"math"
	"testing"

	"tokenselect/engine/record"
	"tokenselect/engine/selection"
	"tokenselect/engine/trace"
)

func TestAverage(t *testing.T) {
	a := Average([]Found{
		{Steps: 1, Recall: [][]float64{{1, 0}}, Near: [][]float64{{1, 1}}, Cosine: []float64{0.5}, Overlap: []float64{0.8}, Blocks: map[int]float64{8: 0.5}},
		{Steps: 2, Recall: [][]float64{{0, 0}}, Near: [][]float64{{0, 1}}, Cosine: []float64{1}},
	})
	if a.Steps != 3 || a.Mean() != 0.25 || a.MeanNear() != 0.75 || a.Cosine[0] != 0.75 || a.Overlap[0] != 0.8 || a.Blocks[8] != 0.5 {
		t.Errorf("the average is %+v", a)
	}
}

// TestLook: two steps of one layer of two heads.
func TestLook(t *testing.T) {
	cfg := selection.Default(2048)
	cfg.NInit, cfg.NLocal, cfg.K = 1, 1, 2
	l := NewLook(cfg)
	near := [][]float32{{0, 0.4, 0.1, 0.3, 0.2, 0}, {0, 0.1, 0.4, 0.2, 0.3, 0}}
	l.Seen(0, &record.Step{N: 6, C: 1, Lists: []record.List{{Mid: []int{1, 2}}}}, near)
	l.Add([]trace.Layer{{Mass: [][]float32{{0, 0, 0.5, 0.5}, {0, 0, 1, 0}}, Near: []float32{1, 0.5}, Blocks: &trace.Blocks{0.8, 0.4}}})
	l.Seen(0, &record.Step{N: 6, C: 1, Lists: []record.List{{Mid: []int{1, 3}}}}, near)
	l.Add([]trace.Layer{{Mass: [][]float32{{0, 0, 0, 1}, {0, 0, 1, 0}}, Near: []float32{1, 0.5}, Turn: 0.5, Blocks: &trace.Blocks{0.4, 0.4}}})
	f := l.Found()
	if f.Steps != 2 || f.Recall[0][0] != 0.25 || f.Recall[0][1] != 1 || f.MeanNear() != 0.75 || f.Cosine[0] != 0.5 ||
		math.Abs(f.Blocks[1]-0.6) > 1e-6 || math.Abs(f.Blocks[8]-0.4) > 1e-6 {
		t.Errorf("found %+v", f)
	}
	// The rows of most mass are 1 and 2: the first selection is they, the second shares one of three.
	if math.Abs(f.Overlap[0]-(1+1.0/3)/2) > 1e-9 {
		t.Errorf("overlap %v", f.Overlap)
	}
}
