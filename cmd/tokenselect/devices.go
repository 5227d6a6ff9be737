package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tokenselect/engine"
	"tokenselect/engine/gpu"
	"tokenselect/engine/session"
	"tokenselect/engine/weights"
)

// adapter is something that a source can open.
type adapter struct {
	info     gpu.Info
	library  string   // that it was found through, if it was loaded at run time
	features []string // beyond WebGPU's minimum, where they are told
}

// source is a way to devices, under a name that -device takes.
type source struct {
	name, help string
	optional   bool // people have it who got it for themselves: that it is not there is no reason
	trusts     bool // a GPU of a kind that the driver does not tell is a real one
	list       func(f *deviceFlags) ([]adapter, error)
	open       func(f *deviceFlags, i int) (gpu.Device, error) // i is an index into the list, or -1 for the first
}

// deviceFlags are the flags that choose a device.
type deviceFlags struct {
	name, dawnLib string
	from          string   // the flag that name was given with, if not -device
	without       []string // features that are not to be used
	clock         bool     // kernels are timed: browsers give a clock to who asks for it at the beginning
}

// flag is the flag that the device was named with.
func (f *deviceFlags) flag() string { return cmp.Or(f.from, "-device") }

func addDeviceFlags(fs *flag.FlagSet) *deviceFlags {
	f := &deviceFlags{}
	fs.StringVar(&f.name, "device", "auto", "`device` to run on: \"auto\" ("+autoHelp+")"+deviceHelp()+"; with a number, as in \""+sources[0].name+":1\", the adapter that tokenselect info lists under it")
	addLibraryFlag(fs, f)
	addFeaturesFlag(fs, f)
	return f
}

func addFeaturesFlag(fs *flag.FlagSet, f *deviceFlags) {
	fs.Func("features", "what of a GPU beyond WebGPU's baseline may be used: `names` of features with commas between them ("+strings.Join(gpu.FeatureNames, ", ")+"; tokenselect info lists which of them an adapter has), \"all\" or \"none\" (default all)", func(text string) error {
		without, err := gpu.Unused(text)
		f.without = without
		return err
	})
}

func deviceHelp() string {
	var b strings.Builder
	for _, s := range sources {
		fmt.Fprintf(&b, ", %q (%s)", s.name, s.help)
	}
	return b.String()
}

// devices are the devices that flags allow, the best first.
type devices struct {
	flags  *deviceFlags
	auto   bool
	rest   []source  // not looked at yet
	from   source    // whose adapters are next
	next   []int     // of them, those that are next
	found  []adapter // all of them
	passed []string  // why better ones were not taken
}

// devices reads -device.
func (f *deviceFlags) devices() (*devices, error) {
	if f.name == "auto" {
		return &devices{flags: f, auto: true, rest: sources}, nil
	}
	name, number, numbered := strings.Cut(f.name, ":")
	i := -1
	if numbered {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return nil, usagef("%s %q: %q, expected the number of an adapter, from 0 on", f.flag(), f.name, number)
		}
		i = n
	}
	var names []string
	for _, s := range sources {
		if s.name == name {
			return &devices{flags: f, from: s, next: []int{i}}, nil
		}
		names = append(names, s.name)
	}
	return nil, usagef("%s %q, expected auto, %s", f.flag(), f.name, strings.Join(names, ", "))
}

// open opens the best device that was not opened yet and says in words what was
// chosen and why. The last error is returned when there is none left.
func (d *devices) open() (gpu.Device, string, error) {
	for {
		if len(d.next) == 0 {
			if len(d.rest) == 0 {
				return nil, "", errors.New("no other device is left")
			}
			d.from, d.rest = d.rest[0], d.rest[1:]
			d.look()
			continue
		}
		i := d.next[0]
		d.next = d.next[1:]
		dev, err := d.from.open(d.flags, i)
		if !d.auto {
			return guard(dev, err, "asked for")
		}
		if err != nil {
			d.passed = append(d.passed, fmt.Sprintf("%s cannot be used: %v", d.found[i].info.Name, err))
			continue
		}
		why := strings.Join(d.passed, "; ")
		if info := dev.Info(); info.Kind != gpu.CPU {
			why = a(info.Kind)
		}
		return guard(dev, nil, why)
	}
}

// guard makes the failures of a device one kind of error. A driver that runs on
// the CPU is never hung, only slow.
func guard(dev gpu.Device, err error, why string) (gpu.Device, string, error) {
	if err != nil {
		return nil, "", err
	}
	if !dev.Info().Kind.Real() {
		return gpu.Guard(dev, 0), why, nil
	}
	return gpu.Guard(dev, patience), why, nil
}

// look finds what auto takes of a source, the best first.
func (d *devices) look() {
	var why string
	d.found, d.next, why = ranked(d.from, d.flags)
	if why != "" && !(d.from.optional && len(d.found) == 0) {
		d.passed = append(d.passed, why)
	}
}

// ranked is the adapters of a source and which of them auto takes in which
// order, or why it takes none.
func ranked(s source, f *deviceFlags) (found []adapter, order []int, why string) {
	found, err := s.list(f)
	switch {
	case errors.Is(err, gpu.ErrNoAdapter):
		return nil, nil, err.Error()
	case err != nil:
		return nil, nil, fmt.Sprintf("%s: GPUs could not be listed: %v", s.name, err)
	case len(found) == 0:
		return nil, nil, fmt.Sprintf("%s finds no GPU", s.name)
	}
	rank := map[gpu.Kind]int{gpu.Discrete: 1, gpu.Integrated: 2, gpu.Virtual: 3, gpu.CPU: 4}
	if s.trusts {
		rank[gpu.Unknown] = 3
	}
	for i, a := range found {
		if rank[a.info.Kind] > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank[found[a].info.Kind] - rank[found[b].info.Kind] })
	if len(order) == 0 {
		why = fmt.Sprintf("%s has no real GPU: %s is %s, slower than the CPU device", s.name, found[0].info.Name, a(found[0].info.Kind))
	}
	return found, order, why
}

// open opens the best device that the flags allow.
func (f *deviceFlags) open() (gpu.Device, string, error) {
	d, err := f.devices()
	if err != nil {
		return nil, "", err
	}
	return d.open()
}

// loaded is a model on a device.
type loaded struct {
	*session.Model
	dev gpu.Device
	why string
}

func (l *loaded) close() {
	l.Model.Close()
	l.dev.Close()
}

// load puts a model on the best device that takes it. What fails is said where
// there is another device to go on with.
func (d *devices) load(ckpt *weights.Model, o engine.Options, say func(format string, args ...any)) (*loaded, error) {
	var failure error
	for {
		dev, why, err := d.open()
		if err != nil {
			return nil, errors.Join(failure, err) // none is left
		}
		if failure != nil {
			say("%v; going on with %s", failure, dev.Info().Name)
		}
		m, err := session.Load(dev, ckpt, o)
		if err == nil {
			return &loaded{m, dev, why}, nil
		}
		dev.Close()
		if !d.auto || !gpu.Failed(err) {
			return nil, err
		}
		failure = err
	}
}

// listed is an adapter as tokenselect info shows it.
type listed struct {
	adapter
	name string // that -device takes
}

// listDevices is all that -device can name, which of it auto takes and why, and
// why sources have nothing.
func listDevices(f *deviceFlags) (all []listed, auto int, why string, notes []string) {
	auto = -1
	var passed []string
	for _, s := range sources {
		found, order, none := ranked(s, f)
		if auto < 0 && len(order) > 0 {
			auto = len(all) + order[0]
			if why = strings.Join(passed, "; "); found[order[0]].info.Kind != gpu.CPU {
				why = a(found[order[0]].info.Kind)
			}
		}
		if len(found) == 0 {
			notes = append(notes, none)
		}
		if none != "" && !(s.optional && len(found) == 0) {
			passed = append(passed, none)
		}
		for i, a := range found {
			name := s.name
			if len(found) > 1 {
				name = fmt.Sprintf("%s:%d", s.name, i)
			}
			all = append(all, listed{a, name})
		}
	}
	return all, auto, why, notes
}

// a is a kind of device with its article.
func a(k gpu.Kind) string {
	if k == gpu.Integrated {
		return "an " + string(k)
	}
	return "a " + string(k)
}
