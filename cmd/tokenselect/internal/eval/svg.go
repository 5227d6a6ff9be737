package eval

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// The picture's size and the frame of its plot, in pixels.
const (
	width, height    = 860, 460
	left, right, top = 64, 650, 56
	bottom           = 400
)

// series is a policy's accuracy over length.
type series struct {
	name   string
	points []point
	label  float64 // height of its name at the right
}

type point struct{ x, y, lo, hi float64 }

// hues are the colours of policies on light and dark ground, the first policy's
// first.
var hues = [][2]string{
	{"#0b62c4", "#6cb2ff"}, {"#c2410c", "#ff9d5c"}, {"#12805c", "#4fd1a1"}, {"#8a3ffc", "#c3a1ff"}, {"#b0126b", "#ff86c1"},
	{"#7a5c00", "#e0bd4a"}, {"#00707f", "#4fd3e6"}, {"#9b1c1c", "#ff8a8a"}, {"#4d5b6b", "#a9b8c9"}, {"#3f6f00", "#a3d94f"},
}

// dashes tell lines apart that share a colour or that the eye cannot part by it.
var dashes = []string{"", "7 4", "2 3", "10 3 2 3"}

// SVG draws the mean score over length, a line a policy, each named beside its end,
// with 95 % intervals. It is legible on light and dark ground.
func (s Summary) SVG(out io.Writer) error {
	lines := s.series()
	if len(lines) == 0 {
		return fmt.Errorf("no results to draw: none of the lengths has results of all tasks")
	}
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-labelledby="title" font-family="system-ui, sans-serif" font-size="13">`, width, height, width, height)
	p(`<title id="title">%s</title>`, escape(s.title()))
	p(`<style>`)
	p(`  .ground { fill: #ffffff } text { fill: #24292f } .soft { fill: #57606a } .grid { stroke: #d8dee4 } .axis { stroke: #57606a }`)
	dark := []string{`.ground { fill: #0d1117 } text { fill: #e6edf3 } .soft { fill: #9da7b3 } .grid { stroke: #30363d } .axis { stroke: #9da7b3 }`}
	for i := range lines {
		h := hues[i%len(hues)]
		p(`  .l%d { stroke: %s } .t%d { fill: %s }`, i, h[0], i, h[0])
		dark = append(dark, fmt.Sprintf(`.l%d { stroke: %s } .t%d { fill: %s }`, i, h[1], i, h[1]))
	}
	p(`  @media (prefers-color-scheme: dark) { %s }`, strings.Join(dark, " "))
	p(`</style>`)
	p(`<rect class="ground" width="%d" height="%d" rx="6"/>`, width, height)
	p(`<text x="%d" y="26" font-size="15" font-weight="600">%s</text>`, left, escape(s.title()))
	p(`<text class="soft" x="%d" y="43" font-size="12">%s</text>`, left, escape(s.subtitle()))
	x, y := s.scale(), func(share float64) float64 { return bottom - share*(bottom-top-8) }
	for v := 0; v <= 100; v += 20 {
		at := y(float64(v) / 100)
		p(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, right, at, at)
		p(`<text class="soft" x="%d" y="%.1f" text-anchor="end">%d</text>`, left-8, at+4, v)
	}
	free := math.Inf(-1) // labels of the axis do not run into each other
	for _, l := range s.Settings.Lengths {
		at := x(l)
		p(`<line class="axis" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, at, at, bottom, bottom+5)
		if at-free >= 34 {
			p(`<text class="soft" x="%.1f" y="%d" text-anchor="middle">%s</text>`, at, bottom+20, Tokens(l))
			free = at
		}
	}
	p(`<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`, left, right, bottom, bottom)
	p(`<text x="%d" y="%d" text-anchor="middle">tokens of the prompt</text>`, (left+right)/2, bottom+42)
	p(`<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">answers found, in per cent</text>`, (top+bottom)/2)
	if at := x(s.Settings.Trained); at >= left && at <= right {
		p(`<line class="axis" x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke-dasharray="3 4"/>`, at, at, top, bottom)
		p(`<text class="soft" x="%.1f" y="%d" font-size="11">longest text in training</text>`, at+5, top+4)
	}
	place(lines, y)
	for i := len(lines) - 1; i >= 0; i-- { // the first policy on top
		l, thick := lines[i], 1.8
		if i == 0 {
			thick = 3
		}
		var path strings.Builder
		for j, pt := range l.points {
			fmt.Fprintf(&path, "%s%.1f %.1f", map[bool]string{true: "M", false: " L"}[j == 0], pt.x, y(pt.y))
			bar := pt.x + min(2.5, 14/float64(len(lines)))*(float64(i)-float64(len(lines)-1)/2) // beside each other
			p(`<line class="l%d" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke-opacity="0.4"/>`, i, bar, bar, y(pt.lo), y(pt.hi))
			p(`<circle class="t%d" cx="%.1f" cy="%.1f" r="%.1f"/>`, i, pt.x, y(pt.y), 1.4*thick)
		}
		p(`<path class="l%d" d="%s" fill="none" stroke-width="%.1f" stroke-linejoin="round" stroke-dasharray="%s"/>`, i, path.String(), thick, dashes[i/len(hues)%len(dashes)])
		end := l.points[len(l.points)-1]
		p(`<path class="l%d" d="M%.1f %.1f L%d %.1f" fill="none" stroke-opacity="0.4"/>`, i, end.x+5, y(end.y), right+12, l.label)
		weight := 400
		if i == 0 {
			weight = 700
		}
		p(`<text class="t%d" x="%d" y="%.1f" font-weight="%d">%s %.0f</text>`, i, right+16, l.label+4, weight, escape(shorten(l.name)), 100*end.y)
	}
	p(`</svg>`)
	_, err := io.WriteString(out, b.String())
	return err
}

func (s Summary) title() string { return s.Settings.Model + ": answers found over length, by policy" }

func (s Summary) subtitle() string {
	tasks := "task " + s.Settings.Tasks[0]
	if n := len(s.Settings.Tasks); n > 1 {
		tasks = fmt.Sprintf("mean of %d tasks", n)
	}
	cases := fmt.Sprint(s.Settings.Cases)
	for _, c := range s.Cells { // a run that was cut short, or put together with a shorter one
		if c.N > 0 && c.Task != "" && c.N < s.Settings.Cases {
			cases = "up to " + cases
			break
		}
	}
	return fmt.Sprintf("%s, %s cases each; bars: 95 %% intervals; number: per cent at the policy's longest", tasks, cases)
}

// series are the policies' lines, without those that have no points.
func (s Summary) series() (lines []series) {
	task, x := s.Settings.overall(), s.scale()
	for _, name := range s.Settings.PolicyNames() {
		l := series{name: name}
		for _, length := range s.Settings.Lengths {
			if c := s.find(name, task, length); c != nil {
				l.points = append(l.points, point{x(length), c.Mean, c.Lo, c.Hi})
			}
		}
		if len(l.points) > 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// scale is the logarithmic axis of lengths.
func (s Summary) scale() func(length int) float64 {
	lengths := s.Settings.Lengths
	lo, hi := math.Log2(float64(lengths[0])), math.Log2(float64(lengths[len(lengths)-1]))
	return func(length int) float64 {
		if hi == lo {
			return (left + right) / 2
		}
		return left + 16 + (right-left-32)*(math.Log2(float64(length))-lo)/(hi-lo)
	}
}

// place puts the names of lines at the heights of their ends, moved apart as far as
// they would cover each other.
func place(lines []series, y func(float64) float64) {
	const apart = 17
	order := make([]int, len(lines))
	for i := range lines {
		order[i] = i
		lines[i].label = y(lines[i].points[len(lines[i].points)-1].y)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lines[a].label, lines[b].label) })
	at := math.Inf(-1)
	for _, i := range order {
		at = max(lines[i].label, at+apart)
		lines[i].label = at
	}
	limit := float64(height - 14) // and back up where they ran out below
	for j := len(order) - 1; j >= 0; j-- {
		l := &lines[order[j]]
		l.label = min(l.label, limit)
		limit = l.label - apart
	}
}

// shorten is a name that fits beside the plot.
func shorten(name string) string {
	const most = 24
	if r := []rune(name); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return name
}

func escape(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) // a Builder does not fail
	return b.String()
}
