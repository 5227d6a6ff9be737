package layer

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes rows as tables, ratios first.
func Print(out io.Writer, top Ceilings, rows []Row) error {
	clock := "this machine's clock, over many calls of one submit"
	if top.ByDevice {
		clock = "the device's timestamps"
	}
	fmt.Fprintf(out, "ceilings: %.4g GB/s read", top.Read/1e9)
	if top.MultiplyAdd > 0 {
		fmt.Fprintf(out, ", %.4g GFLOP/s multiply-add", top.MultiplyAdd/1e9)
	}
	fmt.Fprintf(out, "; times by %s\n", clock)
	for i, row := range rows {
		if i == 0 || row.Shape != rows[i-1].Shape {
			fmt.Fprintf(out, "\n%s\n", row.Shape)
		}
		if row.Skipped != "" {
			fmt.Fprintf(out, "  %s: skipped: %s\n", tokens(row.Depth), row.Skipped)
			continue
		}
		what := "decode"
		if row.Chunk > 1 {
			what = fmt.Sprintf("chunk of %d", row.Chunk)
		}
		ratio := ""
		if row.ToDense > 0 {
			ratio = fmt.Sprintf("%.2f times dense", row.ToDense)
		}
		fmt.Fprintf(out, "  %-6s %-13s %-20s %-19s %10.1f us\n", tokens(row.Depth), what, row.Policy, ratio, row.US)
		if err := printKernels(out, row.Kernels); err != nil {
			return err
		}
	}
	return nil
}

func printKernels(out io.Writer, list []Kernel) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, k := range list {
		name := k.Name
		if k.Calls > 1 {
			name = fmt.Sprintf("%s x%d", name, k.Calls)
		}
		share := ""
		if k.Share > 0 {
			share = fmt.Sprintf("%.0f %% of %s", 100*k.Share, k.Bound)
		}
		fmt.Fprintf(w, "%s\t%s\t%.1f us\t%.3g MB\t%.3g MFLOP\t%s\t\n", strings.Repeat(" ", 8), name, k.US, float64(k.Bytes)/1e6, float64(k.Operations)/1e6, share)
	}
	return w.Flush()
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
