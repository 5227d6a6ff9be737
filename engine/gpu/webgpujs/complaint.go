//go:build js

package webgpujs

import (
	"errors"
	"fmt"
	"strings"
	"syscall/js"

	"tokenselect/engine/gpu"
)

// shaderTrouble is a complaint about a shader, before it is known where its
// lines come from.
type shaderTrouble struct {
	line    int // 0: none was named
	message string
}

func (e *shaderTrouble) Error() string { return e.message }

// valueTrouble is a value of an imported part that is not finite.
type valueTrouble struct{ part, value int }

func (e *valueTrouble) Error() string { return fmt.Sprintf("value %d is not finite", e.value) }

// complaint is an error as JavaScript tells it.
func complaint(v js.Value) error {
	if v.Type() != js.TypeObject {
		return errors.New("WebGPU failed and did not say why")
	}
	message := strings.Join(strings.Fields(v.Get("message").String()), " ")
	switch kind := v.Get("kind").String(); kind {
	case "lost":
		return fmt.Errorf("%w: %s", gpu.ErrDeviceLost, message)
	case "out-of-memory":
		return fmt.Errorf("%w: %s", gpu.ErrOutOfMemory, message)
	case "shader":
		return &shaderTrouble{v.Get("line").Int(), message}
	case "value":
		return &valueTrouble{v.Get("part").Int(), v.Get("value").Int()}
	case "no-webgpu":
		why := "this browser has no WebGPU"
		if message == "insecure" {
			why = "this page is not served securely (https, or http from localhost), and browsers give WebGPU to secure pages only"
		}
		return fmt.Errorf("%w: %s; %s", gpu.ErrNoAdapter, why, browsers)
	case "no-adapter":
		return fmt.Errorf("%w: the browser has WebGPU but no GPU for it: its driver may be too old or blocked (chrome://gpu tells); "+
			"update the driver, or start Chrome with --enable-unsafe-webgpu; %s", gpu.ErrNoAdapter, browsers)
	case "no-device":
		return fmt.Errorf("%w: the GPU gives no device: %s", gpu.ErrNoAdapter, message)
	default:
		return errors.New(message)
	}
}

const browsers = "Chrome and Edge have WebGPU from version 113 on (on Linux behind chrome://flags/#enable-unsafe-webgpu in older ones), " +
	"Safari from 26 on, Firefox from 141 on"
