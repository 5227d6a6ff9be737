package gputest

import (
	"errors"
	"strings"
	"sync"

	"tokenselect/engine/gpu"
)

// picked picks the nth of the shaders that a device can run of each kernel of a
// plan, or its last: the best first.
type picked struct {
	dev   gpu.Info
	nth   int
	more  bool     // some kernel has more shaders
	names []string // of variants that were picked
}

// single are kernels with one shader alone, made once for a device to compile
// them once.
var single = struct {
	sync.Mutex
	made map[shaderOf]*gpu.Kernel
}{made: map[shaderOf]*gpu.Kernel{}}

type shaderOf struct {
	kernel *gpu.Kernel
	shader string
}

func (p *picked) pick(k *gpu.Kernel) *gpu.Kernel {
	shaders := k.Shaders(p.dev)
	last := len(shaders) - 1
	s := shaders[min(p.nth, last)]
	p.more = p.more || p.nth < last
	if s.Name != k.Name {
		p.names = append(p.names, s.Name)
	}
	if len(k.Variants) == 0 {
		return k
	}
	single.Lock()
	defer single.Unlock()
	key := shaderOf{k, s.Name}
	if single.made[key] == nil {
		single.made[key] = k.With(s)
	}
	return single.made[key]
}

// with says in words which variants ran.
func (p *picked) with() string {
	if p.names == nil {
		return ""
	}
	return " with " + strings.Join(p.names, ", ")
}

// forgive takes an error for none where a variant that ran may be as inexact.
func (p *picked) forgive(err error) error {
	var far *inexact
	if !errors.As(err, &far) {
		return err
	}
	for _, name := range p.names {
		if far.nmse <= variantLimit(name) {
			return nil
		}
	}
	return err
}
