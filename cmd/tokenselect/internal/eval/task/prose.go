package task

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// prose is running text in the manner of old novels, put together from parts of
// sentences. It names trades, places, animals and things as facts do, but nobody by
// a full name, and has no digits and no hyphens.
type prose struct {
	rng  *rand.Rand
	last []string // openings of the last sentences, which do not come again at once
}

func newProse(rng *rand.Rand) *prose { return &prose{rng: rng} }

// sentence is the next sentence.
func (p *prose) sentence() string {
	for {
		frame := frames[p.rng.IntN(len(frames))]
		if slices.Contains(p.last, frame) {
			continue
		}
		p.last = append(p.last, frame)
		if len(p.last) > 12 {
			p.last = p.last[1:]
		}
		s := p.expand(frame)
		return strings.ToUpper(s[:1]) + s[1:]
	}
}

// expand replaces each {part} by one of the parts of that name, of which some have
// parts themselves. An article fits what follows it.
func (p *prose) expand(text string) string {
	for {
		before, rest, found := strings.Cut(text, "{")
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		list := parts[name]
		text = before + list[p.rng.IntN(len(list))] + after
	}
	for _, vowel := range "aeiou" {
		text = strings.ReplaceAll(text, " a "+string(vowel), " an "+string(vowel))
		if rest, ok := strings.CutPrefix(text, "a "+string(vowel)); ok {
			text = "an " + string(vowel) + rest
		}
	}
	return text
}

// frames are the shapes of sentences.
var frames = []string{
	"{the-one} {did} {where}.",
	"{the-one} {did} {where}, and {the-one} {did}.",
	"{when}, {the-one} {did}.",
	"{when}, {the-one} {did}, though {the-one} {had}.",
	"{the-one} {had}, and for that reason {did} {how}.",
	"there was {a-thing} {where}, which {the-one} {had-left}.",
	"{where}, {a-beast} {beast-did} {how}.",
	"{a-beast} {beast-did} {where}.",
	"{the-weather}.",
	"{the-weather}, and {the-one} {did}.",
	"{the-weather}, so that nobody {where} {did-not}.",
	"it was said {in-town} that {the-one} {had}.",
	"it is {adj} to think of it now, but {the-one} {had} {when-after}.",
	"\"{speech},\" said {the-one} {how}.",
	"\"{speech},\" said {the-one}; but {the-one} {did}.",
	"\"{speech}?\" asked {the-one}. \"{speech},\" was the answer.",
	"\"{speech}!\" cried {the-one}, and {did} {how}.",
	"nobody {in-town} knew why {the-one} {had}.",
	"if {the-one} {had}, no word of it came {where-to}.",
	"{the-one} remembered {the-thing}, and how {the-weather}.",
	"the road {to-town} was {adj} and {adj}, and {the-one} {did}.",
	"of {the-one} they said that he {had}; of {the-one}, nothing at all.",
	"{the-thing} stood {where}, {adj} and {adj}, as it had stood {when-after}.",
	"he had seen {a-thing} like it {in-town}, {when-after}.",
	"she gave {the-thing} to {the-one}, who {did} {how}.",
	"they {plural-did} until {the-weather}.",
	"they {plural-did} {where}, and {plural-did} {when-after}.",
	"a letter came {from-town}, and in it not a word of {the-thing}.",
	"what {the-one} wanted was {a-thing}; what he got was {a-thing}.",
	"neither {the-one} nor {the-one} {did}, for {the-weather}.",
	"{when}, while {the-weather}, {a-beast} {beast-did} {where}.",
	"\"I have {never} seen {a-thing} so {adj},\" said {the-one}.",
	"the house had {adj} rooms and {adj} stairs, and {where} hung {a-thing}.",
	"some {plural-did}, others {plural-did}, and {the-one} {did}.",
	"it took {the-one} {time} to find {the-thing} {where}.",
	"{the-one} would rather have lost {the-thing} than {lose}.",
	"at last {the-one} {did}, {how}, and the matter was {adj} again.",
	"you could hear {the-one} {where}, and {a-beast} that {beast-did}.",
	"every {weekday} {the-one} {did}, and every {weekday} {the-one} {had}.",
	"once, {in-town}, {the-one} {had} before {the-weather}.",
}

// parts are what stands for a name in braces.
var parts = map[string][]string{
	"trade": trades, "city": cities, "thing": things, "beast": animals, "adj": adjectives, "colour": colours, "name": givenNames,
	"the-one": {"the {trade}", "the {adj} {trade}", "the {trade}", "the {adj} {trade}", "the old {trade}", "the {trade}'s wife", "the {trade}'s brother", "the {trade} {from-town}",
		"{name}", "{name}", "the young man", "the old woman", "the stranger", "the boy", "the girl", "my uncle", "my aunt", "her sister", "his mother", "the captain", "the widow",
		"the {trade} with the {colour} {thing}"},
	"a-thing":   {"a {thing}", "a {adj} {thing}", "a {colour} {thing}", "a {adj} {colour} {thing}", "a {thing} and a {thing}", "half a {thing}"},
	"the-thing": {"the {thing}", "the {adj} {thing}", "the {colour} {thing}", "the {thing} {from-town}", "the {trade}'s {thing}", "that {thing}"},
	"a-beast":   {"a {beast}", "a {adj} {beast}", "a {colour} {beast}", "the {trade}'s {beast}", "an old {beast}", "some {adj} {beast}"},
	"did": {"walked on", "sat down", "said nothing", "looked at {the-thing}", "laughed", "turned away", "put {the-thing} aside", "waited {time}", "bought {a-thing}", "sold {the-thing}",
		"lit a fire", "shut the door", "counted the money", "went home", "asked for {a-thing}", "broke {the-thing}", "mended {the-thing}", "slept badly", "wrote a letter {to-town}",
		"thought of {the-one}", "fed {a-beast}", "gave up {the-thing}", "took up {the-thing} again", "began to sing", "told {the-one} everything", "went out to look for {the-one}",
		"carried {the-thing} {where-to}", "hid {the-thing} {where}", "drank the tea cold", "shook hands with {the-one}", "refused {a-thing}"},
	"had": {"had come {from-town}", "had lost everything", "had never learned to read", "had once kept {a-beast}", "had slept {where}", "had spoken to {the-one}", "had no money left",
		"had waited {time}", "had been ill {time}", "had sold {the-thing}", "had promised {a-thing} to {the-one}", "had quarrelled with {the-one}", "had not eaten {when-after}",
		"had meant to go {to-town}", "had found {a-thing} {where}", "had forgotten {the-thing}", "had heard {a-beast} {where}", "had known it all along"},
	"had-left":  {"had left behind", "had brought {from-town}", "had never asked for", "had made {when-after}", "had painted {colour}", "had found {where}", "had bought of {the-one}"},
	"did-not":   {"could sleep", "went out", "heard {the-one}", "saw {the-thing}", "thought of {the-one}", "lit a lamp"},
	"beast-did": {"crossed the road", "slept", "was not seen again", "watched {the-one}", "cried twice", "ran before {the-one}", "drank from {the-thing}", "lay {where}", "came to the gate", "followed {the-one} home"},
	"plural-did": {"walked on", "sat together", "sang", "quarrelled", "said little", "ate and drank", "waited for {the-one}", "talked of {the-one}", "went {to-town}", "looked for {the-thing}",
		"played cards", "rested", "carried {the-thing} {where-to}"},
	"how": {"without a word", "in haste", "as well as could be", "with a {adj} smile", "not without pride", "as if it were {adj}", "in a {adj} voice", "with {a-thing} in hand", "against all advice",
		"for the sake of {the-one}", "like {a-beast}", "once and for all", "to the surprise of {the-one}"},
	"where": {"by the well", "behind the old mill", "in the {adj} grass", "under the bridge", "at the end of the street", "in the {trade}'s house", "near the gate", "on the stairs", "at the window",
		"in the corner", "beyond the river", "on the {adj} hill", "in the market", "beside {the-thing}", "in the wood", "at the inn", "in the {colour} room", "under the {adj} trees", "on the shore", "before the church"},
	"where-to":  {"to the shore", "into the house", "over the bridge", "up the hill", "down to the river", "to the {trade}", "as far as the inn", "out of the wood"},
	"in-town":   {"in {city}", "in {city}", "near {city}", "in the streets of {city}", "on the way to {city}", "outside {city}"},
	"to-town":   {"to {city}", "to {city}", "back to {city}", "towards {city}"},
	"from-town": {"from {city}", "of {city}", "out of {city}"},
	"when": {"in the evening", "all night", "on market day", "before the rain came", "at noon", "one {adj} morning", "late in the autumn", "when the bells had stopped", "after the {adj} winter", "on {weekday}",
		"not long after", "some days later", "that same night", "towards midnight", "in the year of the {adj} harvest", "at the first light", "when supper was over"},
	"when-after": {"since the spring", "in his youth", "long ago", "the summer before", "since {weekday}", "before the war", "that whole winter", "for as long as anyone knew", "until the evening"},
	"time":       {"an hour", "a whole day", "half the night", "a week", "many years", "a month or more", "the best part of a morning", "longer than was {adj}"},
	"weekday":    {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"},
	"never":      {"never", "hardly ever", "not often"},
	"lose":       {"speak to {the-one}", "go {to-town}", "sit {where}", "wait {time}", "sell {the-thing}", "own that it was {adj}"},
	"speech": {"I knew {the-one} when he was young", "There is nothing {where} but {a-thing}", "We shall be {in-town} before {weekday}", "It was {adj} of you to come", "You must not speak of {the-thing}",
		"I would not give {a-thing} for it", "The {trade} told me so himself", "He is as {adj} as {a-beast}", "That is not what {the-one} said", "Let them wait {time}", "Who left {the-thing} {where}",
		"I never cared for {city}", "She will come when {the-weather}", "Take {the-thing} and go"},
	"the-weather": {"the wind blew over the fields", "it rained {time}", "the snow lay {adj} on the roofs", "the moon stood {adj} above the hill", "the days grew shorter", "a {adj} fog came up from the river",
		"the sun went down behind {city}", "the summer was {adj}", "the frost held {time}", "the sky was {colour}", "the river rose", "it was too {adj} to work", "the night was {adj} and {adj}", "the leaves had turned {colour}"},
}

// Prose is running text of about so many tokens, for documents in which something
// is hidden. A seed gives the same text each time.
func Prose(seed uint64, tokens int, count func(text string) int) string {
	p := newProse(rand.New(rand.NewPCG(seed, 0)))
	var b strings.Builder
	for used := 0; used < tokens; {
		s := p.sentence()
		if b.Len() > 0 {
			s = " " + s
		}
		b.WriteString(s)
		used += count(s)
	}
	return b.String()
}
