/**
 * Terminal text: colours, long text in pieces, and what was moved to files.
 *
 * A stream that grows redraws its last block only.
 */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Stream } from "../core/wire.ts";
import { type AnsiPiece, type AnsiStyle, PLAIN, parseAnsi } from "./ansi.ts";
import { memo } from "./memo.ts";
import { useOutputSettings } from "./settings.ts";

/** More lines than this scroll in a box of their own. */
export const SCROLL_LINES = 100;
/** More lines than this are not put into the page at once. */
const SHOWN_LINES = 4000;
const HEAD_LINES = 100;
const TAIL_LINES = 1000;
/** Also bounds one endless line. */
const SHOWN_CHARACTERS = 400_000;
const BLOCK_LINES = 100;

export function AnsiText({ text }: { readonly text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text]);
  return (
    <>
      {blocks.map((block, index) => (
        <AnsiBlock key={index} text={block.text} start={block.start} />
      ))}
    </>
  );
}

const AnsiBlock = memo(
  function AnsiBlock({ text, start }: { readonly text: string; readonly start: AnsiStyle }) {
    return <>{parseAnsi(text, start).pieces.map(Piece)}</>;
  },
  (before, after) => before.text === after.text && before.start === after.start,
);

interface Block {
  readonly text: string;
  readonly start: AnsiStyle;
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  const coloured = text.includes("\x1b");
  let style: AnsiStyle = PLAIN;
  let from = 0;
  while (from < text.length) {
    let to = from;
    for (let line = 0; line < BLOCK_LINES && to < text.length; line += 1) {
      const end = text.indexOf("\n", to);
      to = end < 0 ? text.length : end + 1;
    }
    const part = text.slice(from, to);
    blocks.push({ text: part, start: style });
    if (coloured) style = parseAnsi(part, style).end;
    from = to;
  }
  return blocks;
}

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/g;

function Piece(piece: AnsiPiece, index: number) {
  const text = withLinks(piece.text);
  if (piece.style === PLAIN || Object.keys(piece.style).length === 0) return text;
  const { classes, style } = looks(piece.style);
  return (
    <span key={index} class={classes} style={style}>
      {text}
    </span>
  );
}

function withLinks(text: string) {
  if (!text.includes("://")) return text;
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    parts.push(text.slice(from, match.index));
    parts.push(
      <a href={match[0]} target="_blank" rel="noopener noreferrer">
        {match[0]}
      </a>,
    );
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return parts;
}

function looks(ansi: AnsiStyle): { classes: string; style: Record<string, string> } {
  const classes = [];
  const style: Record<string, string> = {};
  const [fg, bg] = ansi.inverse ? [ansi.bg, ansi.fg] : [ansi.fg, ansi.bg];
  if (ansi.inverse) classes.push("ansi-inverse");
  if (typeof fg === "number") style["--fg"] = `var(--ansi-${fg})`;
  else if (fg !== undefined)
    style["--fg"] = `oklch(from ${fg} clamp(var(--ansi-l-min), l, var(--ansi-l-max)) c h)`;
  if (typeof bg === "number") style["--bg"] = `var(--ansi-bg-${bg % 8})`;
  else if (bg !== undefined) {
    style["--bg"] = bg;
    if (fg === undefined) style["--fg"] = `oklch(from ${bg} clamp(0, (0.62 - l) * 1000, 1) 0 h)`;
    else style["--fg"] = typeof fg === "number" ? `var(--ansi-${fg})` : fg;
  }
  if (style["--fg"] !== undefined) classes.push("ansi-fg");
  if (style["--bg"] !== undefined) classes.push("ansi-bg");
  for (const name of ["bold", "dim", "italic", "underline", "strike", "hidden"] as const) {
    if (ansi[name]) classes.push(`ansi-${name}`);
  }
  return { classes: classes.join(" "), style };
}

/** How many lines a text shows. */
export function countLines(text: string): number {
  let lines = text === "" || text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

export interface Shortened {
  readonly head: string;
  /** Left out in the middle. */
  readonly hidden: { readonly lines: number; readonly characters: number };
  readonly tail: string;
}

/** Return head and tail of a text that is too long to show at once; undefined: it is not. */
export function shorten(text: string): Shortened | undefined {
  const lines = countLines(text);
  if (lines <= SHOWN_LINES && text.length <= SHOWN_CHARACTERS) return undefined;
  let headEnd = 0;
  for (let line = 0; line < HEAD_LINES && headEnd < text.length; line += 1) {
    const end = text.indexOf("\n", headEnd);
    headEnd = end < 0 ? text.length : end + 1;
  }
  let tailStart = text.length;
  for (let line = 0; line <= TAIL_LINES && tailStart > 0; line += 1) {
    const end = text.lastIndexOf("\n", tailStart - 1);
    if (end < 0) {
      tailStart = 0;
      break;
    }
    tailStart = end;
  }
  tailStart = tailStart === 0 ? 0 : tailStart + 1;
  headEnd = Math.min(headEnd, SHOWN_CHARACTERS / 8);
  tailStart = Math.max(tailStart, headEnd, text.length - SHOWN_CHARACTERS / 2);
  const middle = text.slice(headEnd, tailStart);
  return {
    head: text.slice(0, headEnd),
    hidden: { lines: countLines(middle), characters: middle.length },
    tail: text.slice(tailStart),
  };
}

/** A text/plain output. */
export function PlainText({ text }: { readonly text: string }) {
  const [all, setAll] = useState(false);
  const short = useMemo(() => (all ? undefined : shorten(text)), [text, all]);
  if (short === undefined) {
    return (
      <ScrollBox lines={countLines(text)} content={text}>
        <pre>
          <AnsiText text={text} />
        </pre>
      </ScrollBox>
    );
  }
  return (
    <ScrollBox lines={SHOWN_LINES} content={text}>
      <pre>
        <AnsiText text={short.head} />
      </pre>
      <p class="output-gap">
        … {amount(short.hidden.lines, short.hidden.characters)} ·{" "}
        <button type="button" class="button" data-kind="link" onClick={() => setAll(true)}>
          show all
        </button>
      </p>
      <pre>
        <AnsiText text={short.tail} />
      </pre>
    </ScrollBox>
  );
}

/** A stream: its head, what was moved to files, and its tail. */
export function StreamText({ stream }: { readonly stream: Stream }) {
  const { openText, blobUrl } = useOutputSettings();
  const kind = stream.name === "stderr" ? "stderr" : "stdout";
  const spilled = stream.spilled.reduce((sum, part) => sum + part.lines, 0);
  const short = useMemo(() => shorten(stream.text), [stream.text]);
  const shown = short === undefined ? stream.text : short.tail;
  const hidden = spilled - (spilled > 0 ? countLines(stream.head) : 0) + (short?.hidden.lines ?? 0);
  const cut = stream.spilled.length > 0 || short !== undefined;
  const head = stream.spilled.length > 0 ? stream.head : (short?.head ?? "");
  const lines = (cut ? SHOWN_LINES : 0) + countLines(stream.text);
  return (
    <div class="output-stream" data-stream={kind}>
      {kind === "stderr" && <span class="spoken">Error stream:</span>}
      <ScrollBox lines={lines} content={stream.text} follow>
        {cut && (
          <>
            {head !== "" && (
              <pre>
                <AnsiText text={head} />
              </pre>
            )}
            <p class="output-gap">
              … {amount(Math.max(hidden, 0), 0)} ·{" "}
              <button
                type="button"
                class="button"
                data-kind="link"
                onClick={() =>
                  openText(
                    stream.spilled.map(part => blobUrl(part.blob)),
                    stream.text,
                  )
                }
              >
                open as file
              </button>
            </p>
          </>
        )}
        <pre>
          <AnsiText text={shown} />
        </pre>
      </ScrollBox>
    </div>
  );
}

function amount(lines: number, characters: number): string {
  if (lines > 1) return `${lines.toLocaleString("en")} more lines`;
  return characters > 0 ? `${characters.toLocaleString("en")} more characters` : "more lines";
}

/** A box that scrolls when it holds many lines; it follows the end until somebody scrolls up. */
export function ScrollBox(props: {
  readonly lines: number;
  /** When this changes, the end is followed. */
  readonly content: string;
  readonly follow?: boolean;
  readonly children: preact.ComponentChildren;
}) {
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const scrolls = props.lines > SCROLL_LINES;
  useLayoutEffect(() => {
    const element = box.current;
    if (scrolls && props.follow && atEnd.current && element !== null)
      element.scrollTop = element.scrollHeight;
  }, [scrolls, props.follow, props.content]);
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: it has a label exactly when it has a role
    <div
      ref={box}
      class="output-scroll"
      data-scrolls={scrolls ? "" : undefined}
      tabIndex={scrolls ? 0 : undefined}
      role={scrolls ? "group" : undefined}
      aria-label={scrolls ? "Long output, scrolls" : undefined}
      onScroll={event => {
        const element = event.currentTarget;
        atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < 24;
      }}
    >
      {props.children}
    </div>
  );
}
