package task

import (
	"fmt"
	"strings"
)

// passkey hides a number among prose.
func passkey(d *draw, room int) Case {
	key := d.number(5)
	return d.hidden(fmt.Sprintf("The pass key is %s. Remember it. %s is the pass key.", key, key),
		"What is the pass key?", fmt.Sprintf("The pass key is %s.", key), key, d.prose, room)
}

// digits hides a longer one among sentences that repeat, so that much of the text
// looks alike to the heads.
func digits(d *draw, room int) Case {
	n := d.number(10)
	return d.hidden(fmt.Sprintf("The sequence of digits is %s. Remember it. %s is the sequence of digits.", n, n),
		"What is the sequence of digits?", fmt.Sprintf("The sequence of digits is %s.", n), n, d.chorus(), room)
}

// hidden is a case of one needle.
func (d *draw) hidden(text, question, reply, answer string, fill func() string, room int) Case {
	c := Case{Question: question, Reply: reply, Answers: []string{answer}}
	c.Document, c.Needles = d.lay(plan{needles: []needle{{text, true}}, fill: fill, sep: " "}, room)
	return c
}

// magic is a family of RULER's needles: keys with values of a kind.
type magic struct {
	kind       string // what the values are called
	key, value func() string
	sep        string
}

func (m magic) needle(key, value string) string {
	return fmt.Sprintf("One of the special magic %ss for %s is: %s.", m.kind, key, value)
}

// distractor is a needle that nobody asks for.
func (m magic) distractor() string { return m.needle(m.key(), m.value()) }

func (d *draw) magicNumbers() magic {
	return magic{"number", d.key, func() string { return d.number(7) }, " "}
}

// ask lays out a document with needles for keys, values for each, and asks for the
// first asked keys. Fill goes between them.
func (d *draw) ask(m magic, keys, values, asked int, fill func() string, room int) Case {
	var names []string
	var needles []needle
	answers := map[string][]string{}
	owner := map[string]string{} // text of an asked needle: its key
	for i := range keys {
		key := m.key()
		if i < asked {
			names = append(names, key)
		}
		for range values {
			value := m.value()
			n := needle{m.needle(key, value), i < asked}
			needles = append(needles, n)
			if i < asked {
				owner[n.text] = key + "\x00" + value
			}
		}
	}
	d.Shuffle(len(needles), func(i, j int) { needles[i], needles[j] = needles[j], needles[i] })
	for _, n := range needles { // a reply lists a key's values in the order of the text
		if key, value, ok := strings.Cut(owner[n.text], "\x00"); ok {
			answers[key] = append(answers[key], value)
		}
	}
	var c Case
	for _, key := range names {
		c.Answers = append(c.Answers, answers[key]...)
	}
	label := enumerate(names)
	if len(c.Answers) > 1 {
		c.Question = fmt.Sprintf("What are all the special magic %ss for %s mentioned in the provided text?", m.kind, label)
		c.Reply = fmt.Sprintf("The special magic %ss for %s mentioned in the provided text are %s.", m.kind, label, strings.Join(c.Answers, ", "))
	} else {
		c.Question = fmt.Sprintf("What is the special magic %s for %s mentioned in the provided text?", m.kind, label)
		c.Reply = fmt.Sprintf("The special magic %s for %s mentioned in the provided text is %s.", m.kind, label, c.Answers[0])
	}
	c.Document, c.Needles = d.lay(plan{needles: needles, fill: fill, sep: m.sep}, room)
	return c
}

func single(d *draw, room int) Case {
	return d.ask(d.magicNumbers(), 1, 1, 1, d.prose, room)
}

func multiKey1(d *draw, room int) Case {
	return d.ask(d.magicNumbers(), 4, 1, 1, d.prose, room)
}

func multiKey2(d *draw, room int) Case {
	m := d.magicNumbers()
	m.sep = "\n"
	return d.ask(m, 1, 1, 1, m.distractor, room)
}

func multiKey3(d *draw, room int) Case {
	m := magic{"uuid", d.uuid, d.uuid, "\n"}
	return d.ask(m, 1, 1, 1, m.distractor, room)
}

func multiValue(d *draw, room int) Case {
	return d.ask(d.magicNumbers(), 1, 4, 1, d.prose, room)
}

func multiQuery(d *draw, room int) Case {
	return d.ask(d.magicNumbers(), 4, 1, 4, d.prose, room)
}

// keyValue is a JSON object of pairs, one of which is asked for.
func keyValue(d *draw, room int) Case {
	pair := func(key, value string) string { return fmt.Sprintf(`"%s": "%s"`, key, value) }
	key, value := d.uuid(), d.uuid()
	c := Case{
		Question: fmt.Sprintf(`What is the value of the key "%s"?`, key),
		Reply:    fmt.Sprintf(`The value of "%s" is "%s".`, key, value),
		Answers:  []string{value},
	}
	c.Document, c.Needles = d.lay(plan{
		head:    "Extract the value corresponding to the specified key in the JSON object below.\n\n{",
		needles: []needle{{pair(key, value), true}},
		fill:    func() string { return pair(d.uuid(), d.uuid()) },
		sep:     ", ", foot: "}",
	}, room)
	return c
}

// variables is one chain of four assignments after the first.
func variables(d *draw, room int) Case {
	const hops = 4
	value, names := d.number(5), []string{d.variable()}
	needles := []needle{{fmt.Sprintf("VAR %s = %s", names[0], value), true}}
	for range hops {
		next := d.variable()
		needles = append(needles, needle{fmt.Sprintf("VAR %s = VAR %s", next, names[len(names)-1]), true})
		names = append(names, next)
	}
	c := Case{
		Question: fmt.Sprintf("Find all variables that are assigned the value %s in the text above.", value),
		Reply: fmt.Sprintf("According to the chain of variable assignment in the text above, %d variables are assigned the value %s, they are: %s.",
			len(names), value, strings.Join(names, ", ")),
		Answers: names,
	}
	c.Document, c.Needles = d.lay(plan{needles: needles, fill: d.prose, sep: "\n"}, room)
	return c
}

// fact is a kind of fact: how it is told, asked and answered, and its values.
// %[1]s is who it is about, %[2]s the value.
type fact struct {
	told, reply string
	asked       []string
	values      []string
}

// facts tells eight facts about four people and asks for one.
func facts(d *draw, room int) Case {
	const told = 8
	who := make([]string, 4)
	for i := range who {
		who[i] = d.person()
	}
	var needles []needle
	var c Case
	for i := range told {
		var f fact
		var person string
		d.distinct(func() string { // no person has two facts of a kind
			kind, p := d.IntN(len(factKinds)), d.IntN(len(who))
			f, person = factKinds[kind], who[p]
			return fmt.Sprint("fact ", kind, p)
		})
		value := d.pick(f.values)
		needles = append(needles, needle{fmt.Sprintf(f.told, person, value), i == 0})
		if i == 0 {
			c = Case{Question: fmt.Sprintf(d.pick(f.asked), person), Reply: fmt.Sprintf(f.reply, person, value), Answers: []string{value}}
		}
	}
	d.Shuffle(len(needles), func(i, j int) { needles[i], needles[j] = needles[j], needles[i] })
	c.Document, c.Needles = d.lay(plan{needles: needles, fill: d.prose, sep: " "}, room)
	return c
}
