// Old-fashioned prose by chance, the same for the same seed. It names trades,
// places, animals and things, as the facts do that are hidden in it, but no
// person by name.

const CITIES = ["Athens", "Berlin", "Boston", "Cairo", "Dublin", "Florence", "Geneva", "Granada", "Lisbon", "Lyon", "Malta", "Naples", "Oslo", "Porto", "Prague", "Riga", "Salem", "Seville", "Turin", "Venice", "Vienna", "Warsaw"];
const TRADES = ["baker", "botanist", "carpenter", "chemist", "clerk", "doctor", "farmer", "fisherman", "gardener", "judge", "librarian", "mason", "miller", "painter", "pilot", "potter", "printer", "sailor", "surgeon", "tailor", "teacher", "weaver"];
const ANIMALS = ["badger", "crow", "deer", "donkey", "fox", "goat", "goose", "hare", "heron", "horse", "mule", "otter", "owl", "pony", "rabbit", "raven", "robin", "sheep", "stork", "swan"];
const THINGS = ["anchor", "basket", "bell", "bottle", "brush", "bucket", "candle", "chair", "clock", "compass", "cup", "drum", "flute", "guitar", "hammer", "kettle", "ladder", "lamp", "lantern", "letter", "map", "mirror", "notebook", "pipe", "rope", "scarf", "shovel", "spoon", "table", "trumpet", "umbrella", "wheel"];
const ADJECTIVES = ["bitter", "bright", "broad", "calm", "cold", "damp", "dark", "dry", "early", "fine", "gentle", "grey", "heavy", "hollow", "late", "lonely", "mild", "narrow", "old", "pale", "plain", "quiet", "rough", "silent", "slow", "steep", "strange", "warm", "wide", "wild"];
const TIMES = ["In the evening", "Before noon", "After the rain", "On market day", "Late in the autumn", "At the first frost", "That same week", "Towards midnight", "On the third morning", "When the snow was gone"];

const SENTENCES = [
  (w) => `${w.time()} the ${w.trade()} of ${w.city()} mended ${w.a("adjective")} ${w.thing()} and asked no money for it.`,
  (w) => `All night the wind had blown over ${w.city()}, and in the morning the ${w.thing()} lay in the ${w.adjective()} grass.`,
  (w) => `The road to ${w.city()} was ${w.adjective()}, and the ${w.trade()} walked it without a word.`,
  (w) => `${w.a("adjective", "A")} ${w.animal()} crossed the yard, looked at the ${w.thing()}, and was not seen again.`,
  (w) => `Nobody could say who had left the ${w.thing()} by the well, nor why it was so ${w.adjective()}.`,
  (w) => `${w.time()} there was talk of ${w.a("adjective")} winter, though the ${w.trade()} would not hear of it.`,
  (w) => `Behind the mill ${w.a("animal")} slept, and the ${w.trade()} went round it with his ${w.thing()}.`,
  (w) => `The letter from ${w.city()} spoke of ${w.a("adjective")} harvest and of little else.`,
  (w) => `It was said in ${w.city()} that ${w.a("trade")} had once given his ${w.thing()} for ${w.a("animal")}.`,
  (w) => `${w.time()} the ${w.trade()} lit ${w.a("thing")} and counted what the ${w.adjective()} day had brought.`,
  (w) => `There stood in the window ${w.a("thing")}, so ${w.adjective()} that every ${w.trade()} stopped to look at it.`,
  (w) => `The ${w.animal()} belonged to nobody, but the ${w.trade()} fed it, and it grew ${w.adjective()}.`,
];

/** Draws words and sentences by a seed. */
export class Prose {
  #state;
  #last = [];

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 to n - 1. (Mulberry32: small, and the same in every browser.) */
  below(n) {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  city() { return this.pick(CITIES); }
  trade() { return this.pick(TRADES); }
  animal() { return this.pick(ANIMALS); }
  thing() { return this.pick(THINGS); }
  adjective() { return this.pick(ADJECTIVES); }
  time() { return this.pick(TIMES); }

  /** A word of a kind with its article. */
  a(kind, article = "a") {
    const word = this[kind]();
    return `${article}${/^[aeiou]/.test(word) ? "n" : ""} ${word}`;
  }

  /** A sentence of another kind than the last four. */
  sentence() {
    let kind;
    do kind = this.below(SENTENCES.length); while (this.#last.includes(kind));
    this.#last = [...this.#last.slice(-3), kind];
    return SENTENCES[kind](this);
  }

  /** Sentences with one space between them. @param {number} n */
  paragraph(n) {
    return Array.from({ length: n }, () => this.sentence()).join(" ");
  }
}
