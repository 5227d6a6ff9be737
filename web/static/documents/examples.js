import { Prose } from "./prose.js";

/** @typedef {{question: string, answer: string}} Asked  answer: what the default model answers */
/** @typedef {{name: string, text: string, questions: Asked[]}} Example */

// Told and asked in words that the default model knows. The questions that the
// examples suggest are those that it answers in any order, one after another in
// one conversation; numbers it gets right mostly when they are asked for first.
const FACTS = {
  home: (p, v) => [`${p} lives in ${v}.`, `Where does ${p} live?`, `${p} lives in ${v}.`],
  job: (p, v) => [`${p} works as a ${v}.`, `What is the job of ${p}?`, `${p} works as a ${v}.`],
  pet: (p, v) => [`${p} keeps a ${v} at home.`, `Which animal does ${p} keep?`, `${p} keeps a ${v}.`],
  lost: (p, v) => [`${p} lost the ${v} on the way.`, `What did ${p} lose?`, `${p} lost the ${v}.`],
  gate: (p, v) => [`${p} painted the gate ${v}.`, `What colour is the gate that ${p} painted?`, `The gate is ${v}.`],
  journey: (p, v) => [`${p} travelled to ${v} last year.`, `Where did ${p} travel?`, `${p} travelled to ${v}.`],
  age: (p, v) => [`${p} is ${v} years old.`, `How old is ${p}?`, `${p} is ${v} years old.`],
  box: (p, v) => [`${p} put the ${v} in the box.`, `What did ${p} put in the box?`, `${p} put the ${v} in the box.`],
  code: (p, v) => [`The ${p} is ${v}. Remember it. ${v} is the ${p}.`, `What is the ${p}?`, `The ${p} is ${v}.`],
};

const said = ([told]) => told;
const asked = ([, question, answer]) => ({ question, answer });

/** A page by hand: who feeds the animals while the house is empty. */
function note() {
  const code = FACTS.code("door code", "48213");
  const pet = FACTS.pet("Clara Nash", "parrot");
  const journey = FACTS.journey("Henry Marsh", "Lisbon");
  const gate = FACTS.gate("Rosa Ellis", "green");
  const age = FACTS.age("Oscar Webb", "67");
  const text = `A note for the house

Thank you for looking after everything while we are away. The key to the garden hangs behind the kitchen door, and the lamp in the hall turns itself on when it gets dark. ${said(code)}

Water the plants on the stairs every second day, and the lemon tree a little more when it is warm. The post comes before noon; put the letters into the basket by the window, and leave the heavy parcels where they are.

About the neighbours, should you need one of them. ${said(pet)} You will hear it in the morning, and it means no harm. ${said(journey)} He can tell you all about the sea, and he will. ${said(gate)} It is still wet in places, so mind your sleeves. ${said(age)} He knows how to speak to the boiler when it goes quiet.

The bins are emptied on Tuesday. If the wind is strong at night, close the shutters of the small room first, for they are old. There is bread in the oven and cheese on the shelf, and the good cups are the ones on the left. We are back on Sunday in the evening.`;
  return { name: "A note for the house.txt", text, questions: [code, pet, journey, gate].map(asked) };
}

/** A few pages: a town, and what is known of its people. */
function town() {
  const prose = new Prose(1911);
  const facts = [
    FACTS.home("Ada Dixon", "Geneva"), FACTS.job("Simon Frost", "printer"), FACTS.pet("Martha Cole", "heron"), FACTS.lost("Felix Hale", "compass"),
    FACTS.gate("Ida Brown", "crimson"), FACTS.journey("Walter Quinn", "Cairo"), FACTS.age("Nora Lamb", "38"), FACTS.box("Edith Shaw", "lantern"),
  ];
  const paragraphs = ["The people of the town, and what was written down of them in the year of the long winter."];
  for (const fact of facts) paragraphs.push(`${prose.paragraph(5)} ${said(fact)} ${prose.paragraph(4)}`);
  return { name: "The people of the town.txt", text: paragraphs.join("\n\n"), questions: [0, 2, 3, 7].map((i) => asked(facts[i])) };
}

/** A long chronicle with five facts, one in each fifth of it. */
function chronicle() {
  const prose = new Prose(1877);
  const facts = [
    FACTS.home("Grace Archer", "Oslo"), FACTS.gate("Peter Ward", "violet"), FACTS.box("Thomas Reed", "mirror"),
    FACTS.home("Julia Harper", "Malta"), FACTS.lost("Arthur Young", "trumpet"),
  ];
  const paragraphs = [];
  const length = 80;
  const at = facts.map((_, i) => Math.floor((length * i) / facts.length) + 3 + prose.below(9));
  for (let i = 0; i < length; i++) {
    const fact = facts[at.indexOf(i)];
    paragraphs.push(fact ? `${prose.paragraph(4)} ${said(fact)} ${prose.paragraph(3)}` : prose.paragraph(7));
  }
  return { name: "A chronicle of the valley.txt", text: paragraphs.join("\n\n"), questions: facts.map(asked) };
}

/**
 * Texts to try the page with, the same every time. tokens: about as many as the
 * default model counts.
 * @type {{id: string, title: string, about: string, tokens: number, make: () => Example}[]}
 */
export const examples = [
  { id: "note", title: "A note", about: "One page: a door code, and a few things about the neighbours.", tokens: 300, make: note },
  { id: "town", title: "A town", about: "A few pages of prose with eight facts about people.", tokens: 1500, make: town },
  { id: "chronicle", title: "A chronicle", about: "Twenty pages of prose that hide five facts: more than the model was trained to read at once.", tokens: 10800, make: chronicle },
];
