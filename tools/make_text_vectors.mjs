// Write tests/vectors/text.json: what CodeMirror's own ChangeSet does with random changes.
//
// The server (tests/core/text/test_changes.py) and the page hold their changes against this file.
// Run it in a folder where `@codemirror/state` is installed; the result is the same each time:
//
//     node PATH/TO/tools/make_text_vectors.mjs > PATH/TO/tests/vectors/text.json
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "here.js"));
const { ChangeSet, Text } = require("@codemirror/state");

const CASES = 250;
const ALPHABET = ["a", "b", "c", " ", "\n", "\n", "é", "中", "😀", "🇫🇷", "x = 1\n", "\t", "\r", "\u2028"];

/** mulberry32: small, seeded, the same on every machine. */
function randomFrom(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const random = randomFrom(20140424);

function randomText(most) {
  let text = "";
  for (let n = random(most + 1); n > 0; n--) text += ALPHABET[random(ALPHABET.length)];
  return text;
}

const textOf = (string) => Text.of(string.split("\n"));
const stringOf = (text) => text.sliceString(0, undefined, "\n");

/** Offsets between characters, so that no change cuts a surrogate pair. */
function boundaries(string) {
  const offsets = [0];
  for (const character of string) offsets.push(offsets.at(-1) + character.length);
  return offsets;
}

function randomChange(string) {
  const offsets = boundaries(string);
  const specs = [];
  let at = 0;
  for (let n = random(5); n > 0 && at < offsets.length; n--) {
    const start = Math.min(at + random(4), offsets.length - 1);
    const end = Math.min(start + (random(2) ? random(4) : 0), offsets.length - 1);
    const insert = random(3) ? textOf(randomText(4)) : Text.empty;
    specs.push({ from: offsets[start], to: offsets[end], insert });
    at = end;
  }
  return ChangeSet.of(specs, string.length);
}

const cases = [];
for (let n = 0; n < CASES; n++) {
  const string = randomText(n % 10 === 0 ? 0 : 14);
  const doc = textOf(string);
  const a = randomChange(string);
  const b = randomChange(string);
  const afterA = stringOf(a.apply(doc));
  const then = randomChange(afterA);
  const positions = [];
  for (let position = 0; position <= string.length; position++) {
    positions.push([position, a.mapPos(position, -1), a.mapPos(position, 1)]);
  }
  cases.push({
    doc: string,
    a: a.toJSON(),
    b: b.toJSON(),
    then: then.toJSON(),
    after_a: afterA,
    after_b: stringOf(b.apply(doc)),
    after_both: stringOf(b.map(a).apply(a.apply(doc))),
    after_then: stringOf(then.apply(a.apply(doc))),
    b_map_a: b.map(a).toJSON(),
    a_map_b_before: a.map(b, true).toJSON(),
    a_map_b: a.map(b).toJSON(),
    b_map_a_before: b.map(a, true).toJSON(),
    a_compose_then: a.compose(then).toJSON(),
    a_compose_b_map_a: a.compose(b.map(a)).toJSON(),
    a_invert: a.invert(doc).toJSON(),
    positions,
  });
}

const header = {
  what: "CodeMirror ChangeSet vectors, made by tools/make_text_vectors.mjs: do not edit",
  positions: "[position, mapPos(position, -1), mapPos(position, 1)] through a",
};
const lines = cases.map((one) => JSON.stringify(one));
process.stdout.write(
  `{"what":${JSON.stringify(header.what)},\n"positions":${JSON.stringify(header.positions)},\n"cases":[\n${lines.join(",\n")}\n]}\n`,
);
