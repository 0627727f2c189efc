/**
 * Changes to a source on strings: apply, find, and what offsets mean elsewhere.
 *
 * A change is CodeMirror's `ChangeSet`; mapping and composing are its own. Offsets
 * are UTF-16 units here and on the link, and Unicode code points for kernels.
 * The only line separator is a line feed. Rules TX1 onwards: docs/specs/text.md.
 */

import { ChangeSet, type Text } from "@codemirror/state";
import type { ChangeJson } from "./wire.ts";

/** Work the exact comparison may do before a stretch is replaced whole. */
const DIFF_STEPS = 400;

/** Read a change as it is on the wire. Throws a RangeError when it is not one. */
export function fromJson(json: ChangeJson): ChangeSet {
  return ChangeSet.fromJSON(json);
}

/** Write a change as it goes on the wire. */
export function toJson(changes: ChangeSet): ChangeJson {
  const json: ChangeJson = changes.toJSON();
  return json;
}

/** Return the change that replaces `from` to `to` of a text of `length` units. */
export function replacing(length: number, from: number, to: number, insert: string): ChangeSet {
  return ChangeSet.of({ from, to, insert }, length, "\n");
}

/** Return the text after the change. Throws a RangeError when the text has another length. */
export function applyTo(changes: ChangeSet, text: string): string {
  if (changes.length !== text.length) {
    throw new RangeError(`the change is for a text of ${changes.length} units, this one has ${text.length}`);
  }
  if (changes.empty) return text;
  let result = "";
  let end = 0;
  changes.iterChanges((from, to, _fromAfter, _toAfter, inserted) => {
    result += text.slice(end, from) + joined(inserted);
    end = to;
  }, true);
  return result + text.slice(end);
}

function joined(text: Text): string {
  return text.sliceString(0, text.length, "\n");
}

/** Return the change that undoes `changes`, which applies to `text`. */
export function inverse(changes: ChangeSet, text: string): ChangeSet {
  const specs: { from: number; to: number; insert: string }[] = [];
  changes.iterChanges((from, to, fromAfter, toAfter) => {
    specs.push({ from: fromAfter, to: toAfter, insert: text.slice(from, to) });
  }, true);
  return ChangeSet.of(specs, changes.newLength, "\n");
}

/** Whether two changes do the same, section for section. */
export function sameChange(a: ChangeSet, b: ChangeSet): boolean {
  return a.length === b.length && JSON.stringify(a.toJSON()) === JSON.stringify(b.toJSON());
}

/**
 * Return a change from `before` to `after` that keeps the words they share.
 *
 * The common start and end stay; what is between is compared word by word, so
 * that another change maps over it without losing its place.
 */
export function diff(before: string, after: string): ChangeSet {
  if (before === after) return ChangeSet.empty(before.length);
  let start = 0;
  const shorter = Math.min(before.length, after.length);
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start += 1;
  let end = 0;
  while (
    end < shorter - start &&
    before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)
  ) {
    end += 1;
  }
  // Never between the halves of a surrogate pair.
  if (start > 0 && isHighSurrogate(before.charCodeAt(start - 1))) start -= 1;
  if (end > 0 && isLowSurrogate(before.charCodeAt(before.length - end))) end -= 1;
  const specs = compare(
    before.slice(start, before.length - end),
    after.slice(start, after.length - end),
    start,
  );
  return ChangeSet.of(specs, before.length, "\n");
}

interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly insert: string;
}

const TOKEN = /[\p{L}\p{N}_]+|\s|[\s\S]/gu;

function compare(before: string, after: string, offset: number): readonly Replacement[] {
  const whole = [{ from: offset, to: offset + before.length, insert: after }];
  if (before === "" || after === "") return whole;
  const old = before.match(TOKEN) ?? [];
  const wanted = after.match(TOKEN) ?? [];
  const kept = commonTokens(old, wanted);
  if (kept === undefined) return whole;
  const specs: Replacement[] = [];
  let position = offset;
  let i = 0;
  let j = 0;
  for (const [keptOld, keptNew] of [...kept, [old.length, wanted.length] as const]) {
    const removed = old.slice(i, keptOld).join("");
    const insert = wanted.slice(j, keptNew).join("");
    if (removed !== "" || insert !== "")
      specs.push({ from: position, to: position + removed.length, insert });
    position += removed.length + (old[keptOld]?.length ?? 0);
    i = keptOld + 1;
    j = keptNew + 1;
  }
  return specs;
}

/** Myers' shortest edit script; undefined when the texts differ in more than `DIFF_STEPS` tokens. */
function commonTokens(a: readonly string[], b: readonly string[]): [number, number][] | undefined {
  const trace: Map<number, number>[] = [];
  let reached = new Map<number, number>([[1, 0]]);
  for (let steps = 0; steps <= Math.min(DIFF_STEPS, a.length + b.length); steps += 1) {
    trace.push(reached);
    const next = new Map(reached);
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      let x = goesDown(reached, diagonal, steps)
        ? (reached.get(diagonal + 1) ?? 0)
        : (reached.get(diagonal - 1) ?? 0) + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x += 1;
      next.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) return walkBack(trace, a.length, b.length);
    }
    reached = next;
  }
  return undefined;
}

function goesDown(reached: ReadonlyMap<number, number>, diagonal: number, steps: number): boolean {
  if (diagonal === -steps) return true;
  if (diagonal === steps) return false;
  return (reached.get(diagonal - 1) ?? -1) < (reached.get(diagonal + 1) ?? -1);
}

function walkBack(
  trace: readonly ReadonlyMap<number, number>[],
  endX: number,
  endY: number,
): [number, number][] {
  const pairs: [number, number][] = [];
  let x = endX;
  let y = endY;
  for (let steps = trace.length - 1; steps >= 0; steps -= 1) {
    const reached = trace[steps] ?? new Map<number, number>();
    const diagonal = x - y;
    const previous = goesDown(reached, diagonal, steps) ? diagonal + 1 : diagonal - 1;
    const previousX = steps === 0 ? 0 : (reached.get(previous) ?? 0);
    const previousY = steps === 0 ? 0 : previousX - previous;
    while (x > previousX && y > previousY) {
      x -= 1;
      y -= 1;
      pairs.push([x, y]);
    }
    x = previousX;
    y = previousY;
  }
  return pairs.reverse();
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Return how many code points stand before this UTF-16 offset. */
export function toCodePoints(text: string, offset: number): number {
  let points = 0;
  for (let i = 0; i < offset; i += 1) {
    if (isHighSurrogate(text.charCodeAt(i)) && isLowSurrogate(text.charCodeAt(i + 1))) i += 1;
    points += 1;
  }
  return points;
}

/** Return the UTF-16 offset behind this many code points (the text's length when it has fewer). */
export function fromCodePoints(text: string, points: number): number {
  let offset = 0;
  for (let left = points; left > 0 && offset < text.length; left -= 1) {
    offset += isHighSurrogate(text.charCodeAt(offset)) && isLowSurrogate(text.charCodeAt(offset + 1)) ? 2 : 1;
  }
  return offset;
}
