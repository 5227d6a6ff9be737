package layer

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table is figures in columns.
type Table struct {
	Columns []string
	Rows    [][]string // of a cell for each column
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Print writes t, in columns of text or as Markdown.
func (t *Table) Print(out io.Writer, markdown bool) error {
	lines := append([][]string{t.Columns}, t.Rows...)
	if markdown {
		for i, cells := range lines {
			if _, err := fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | ")); err != nil {
				return err
			}
			if i == 0 {
				fmt.Fprintln(out, "|"+strings.Repeat("---|", len(cells)))
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, cells := range lines {
		fmt.Fprintln(w, strings.Join(cells, "\t")+"\t")
	}
	return w.Flush()
}
