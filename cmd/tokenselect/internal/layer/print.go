package layer

import (
	"fmt"
	"io"
)

// Print writes rows as tables, a shape each, ratios first.
func Print(out io.Writer, rows []Row, markdown bool) error {
	for len(rows) > 0 {
		shape, n := rows[0].Shape, 0
		t := Table{Columns: []string{"depth", "step", "policy or kernel", "ratio", "us", "MB", "MFLOP", "of its ceiling"}}
		for ; n < len(rows) && rows[n].Shape == shape; n++ {
			row := rows[n]
			if row.Skipped != "" {
				t.Add(tokens(row.Depth), "", "skipped: "+row.Skipped, "", "", "", "", "")
				continue
			}
			ratio := ""
			if row.ToDense > 0 {
				ratio = fmt.Sprintf("%.2f times dense", row.ToDense)
			}
			t.Add(tokens(row.Depth), step(row.Chunk), row.Policy, ratio, fmt.Sprintf("%.1f", row.US), "", "", "")
			for _, k := range row.Kernels {
				name := k.Name
				if k.Calls > 1 {
					name = fmt.Sprintf("%s x%d", name, k.Calls)
				}
				t.Add(append([]string{"", "", name, ""}, k.cells()...)...)
			}
		}
		rows = rows[n:]
		fmt.Fprintf(out, "\n%s\n\n", shape)
		if err := t.Print(out, markdown); err != nil {
			return err
		}
	}
	return nil
}

// PrintLinear writes rows as tables, shares first.
func PrintLinear(out io.Writer, top Ceilings, rows []Linear, markdown bool) error {
	top.Print(out)
	for len(rows) > 0 {
		model, n := rows[0].Model, 0
		t := Table{Columns: []string{"step", "weights", "matrix", "calls", "us", "MB", "MFLOP", "of its ceiling"}}
		for ; n < len(rows) && rows[n].Model == model; n++ {
			row := rows[n]
			name := row.Name
			if row.Rows > 0 {
				name = fmt.Sprintf("%s %d x %d", name, row.Rows, row.Cols)
			}
			if row.Skipped != "" {
				t.Add(step(row.Tokens), row.Type, name, "", "skipped: "+row.Skipped, "", "", "")
				continue
			}
			t.Add(append([]string{step(row.Tokens), row.Type, name, fmt.Sprint(row.Calls)}, row.cells()...)...)
		}
		rows = rows[n:]
		fmt.Fprintf(out, "\n%s, all layers\n\n", model)
		if err := t.Print(out, markdown); err != nil {
			return err
		}
	}
	return nil
}

// Print writes what the ceilings are, and by which clock times are told.
func (top Ceilings) Print(out io.Writer) {
	clock := "this machine's clock, over many calls of one submit"
	if top.ByDevice {
		clock = "the device's timestamps, with copies by this machine's clock"
	}
	fmt.Fprintf(out, "ceilings: %.4g GB/s read", top.Read/1e9)
	if top.MultiplyAdd > 0 {
		fmt.Fprintf(out, ", %.4g GFLOP/s multiply-add", top.MultiplyAdd/1e9)
	}
	fmt.Fprintf(out, "; times by %s\n", clock)
}

// cells are time, bytes, operations and share.
func (k *Kernel) cells() []string {
	if k.Uncounted {
		return []string{fmt.Sprintf("%.1f", k.US), "?", "?", "not counted"}
	}
	share := ""
	if k.Share > 0 {
		share = fmt.Sprintf("%.0f %% of %s", 100*k.Share, k.Bound)
	}
	return []string{fmt.Sprintf("%.1f", k.US), fmt.Sprintf("%.3g", float64(k.Bytes)/1e6), fmt.Sprintf("%.3g", float64(k.Operations)/1e6), share}
}

// step is what is computed for so many tokens at once.
func step(tokens int) string {
	if tokens == 1 {
		return "decode"
	}
	return fmt.Sprintf("chunk of %d", tokens)
}

// tokens is a depth as people say it.
func tokens(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%dM", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%dK", n>>10)
	}
	return fmt.Sprint(n)
}
