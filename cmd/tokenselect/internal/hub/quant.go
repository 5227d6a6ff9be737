package hub

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// quantisation is how files are called by what their weights are stored as:
// llama.cpp's names, with UD- before those of Unsloth's dynamic kind.
const (
	dynamic      = "UD-"
	quantisation = `(?:UD-)?(?:I?Q[1-8]_[A-Z0-9]+(?:_[A-Z0-9]+)*|I?Q[1-8]|TQ[12]_0|MXFP4(?:_MOE)?|BF16|FP?16|FP?32)`
)

var (
	quantInName = regexp.MustCompile(`(?i)(?:^|[-._/])(` + quantisation + `)$`)
	quantAlone  = regexp.MustCompile(`(?i)^` + quantisation + `$`)
	splitName   = regexp.MustCompile(`^(.*)-([0-9]{5})-of-([0-9]{5})$`)
)

// isQuant tells a quantisation from the name of a file.
func isQuant(s string) bool { return quantAlone.MatchString(s) }

// quantOf is what the name of a GGUF file says of its weights, in capitals; ""
// where it says nothing.
func quantOf(path string) string {
	stem, _, _ := splitOf(path, ".gguf")
	if m := quantInName.FindStringSubmatch(stem); m != nil {
		return sayQuant(m[1])
	}
	return ""
}

// sayQuant is a quantisation in one way of writing it.
func sayQuant(s string) string {
	switch s = strings.ToUpper(s); s {
	case "FP16", "FP32":
		return "F" + s[2:]
	}
	return s
}

// splitOf takes the path of weights apart: without its ending and without what
// says that it is part i of n. i and n are 1 for a whole file.
func splitOf(path, ending string) (stem string, i, n int) {
	stem = strings.TrimSuffix(path, ending)
	m := splitName.FindStringSubmatch(stem)
	if m == nil {
		return stem, 1, 1
	}
	i, _ = strconv.Atoi(m[2])
	n, _ = strconv.Atoi(m[3])
	return m[1], i, n
}

// partName is the path of part i of n.
func partName(stem string, i, n int, ending string) string {
	return fmt.Sprintf("%s-%05d-of-%05d%s", stem, i, n, ending)
}
