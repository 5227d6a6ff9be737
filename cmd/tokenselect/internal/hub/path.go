package hub

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// localPath is a path of a repository as one below a folder of this machine. It
// refuses what would lead out of the folder, here or on another system, as names
// come from a server.
func localPath(path string) (string, error) {
	bad := !fs.ValidPath(path) || path == "." || len(path) > 1000 || strings.ContainsAny(path, `\:*?"<>|`)
	for _, part := range strings.Split(path, "/") {
		bad = bad || len(part) > 200 || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ")
	}
	for _, r := range path {
		bad = bad || r < ' ' || r == 0x7f
	}
	local := filepath.FromSlash(path)
	if bad || !filepath.IsLocal(local) {
		return "", fmt.Errorf("the repository has a file called %.200q, which is no name for one here", path)
	}
	return local, nil
}
