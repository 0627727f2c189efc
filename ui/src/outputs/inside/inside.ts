/**
 * What every drawing's frame does: it takes what is to be drawn from the page around it, and says how high it became.
 *
 * This runs inside the frame, in an origin that is nobody's, under a policy that lets no script of a document run.
 * What it says and hears stands in ../drawing/says.ts. Rules XS23 to XS31: docs/specs/outputs.md.
 */

import tokens from "../../styles/tokens.css?inline";
import sheet from "./inside.css?inline";

/** One thing to draw. */
export interface Drawing {
  readonly mime: string;
  /** As it is in the output: an object, or its JSON as text. */
  readonly value: unknown;
  /** Files that it names and that the page fetched for it, as text. */
  readonly files: ReadonlyMap<string, string>;
  /** The reader let it load from other hosts. */
  readonly remote: boolean;
  /** The whole message: what only some libraries need. */
  readonly more: Fields;
  /** What `keep` said last of the same thing, in a frame before this one. */
  readonly view: unknown;
}

/** Tell the page. */
export function say(message: Readonly<Record<string, unknown>>): void {
  parent.postMessage(message, "*");
}

/** Draw what the page sends, the newest last; say what came of it. */
export function begin(draw: (drawing: Drawing, box: HTMLElement) => Promise<void>): void {
  const styles = document.createElement("style");
  styles.textContent = `${tokens}\n${sheet}`;
  const box = document.createElement("main");
  box.className = "drawing";
  document.head.append(styles);
  document.body.append(box);
  let queue = Promise.resolve();
  addEventListener("message", event => {
    if (event.source !== parent) return;
    const drawing = readDrawing(event.data);
    if (drawing === undefined) return;
    queue = queue
      .then(() => draw(drawing, box))
      .then(
        () => say({ carnet: "drawn" }),
        (error: unknown) =>
          say({ carnet: "failed", why: error instanceof Error ? error.message : String(error) }),
      );
  });
  let last = -1;
  const tell = () => {
    const px = Math.ceil(box.getBoundingClientRect().height);
    if (px === last || px === 0) return;
    last = px;
    say({ carnet: "height", px });
  };
  new ResizeObserver(tell).observe(box);
  say({ carnet: "started" });
}

function readDrawing(data: unknown): Drawing | undefined {
  if (!isObject(data) || data.carnet !== "draw" || typeof data.mime !== "string") return undefined;
  const value = typeof data.value === "string" ? JSON.parse(data.value) : data.value;
  return {
    mime: data.mime,
    value,
    files: data.files instanceof Map ? data.files : new Map(),
    remote: data.remote === true,
    more: data,
    view: typeof data.view === "string" ? JSON.parse(data.view) : undefined,
  };
}

/** Have the page remember how somebody turned or zoomed this, for the next frame that shows it. */
export function keep(view: unknown): void {
  say({ carnet: "view", view: JSON.stringify(view) });
}

/** Call this whenever the page turns dark or light. */
export function onScheme(call: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", call);
}

export function isDark(): boolean {
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** A colour of tokens.css as it is now: `rgb(…)`. */
export function colourOf(token: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** The font of the page's own words, as plotting libraries take it. */
export function fontOf(): string {
  return getComputedStyle(document.documentElement).getPropertyValue("--font-ui").trim().replaceAll('"', "'");
}

/** Have the page save a picture under this name: a frame may not. */
export function save(name: string, address: string): void {
  say({ carnet: "save", name, blob: blobOf(address) });
}

/** The bytes of a `data:` address. */
function blobOf(address: string): Blob {
  const comma = address.indexOf(",");
  const [type = "", ...options] = address.slice("data:".length, comma).split(";");
  const body = address.slice(comma + 1);
  const text = options.includes("base64") ? atob(body) : decodeURIComponent(body);
  const bytes = options.includes("base64")
    ? Uint8Array.from(text, letter => letter.charCodeAt(0))
    : new TextEncoder().encode(text);
  return new Blob([bytes], { type });
}

export type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The field if it is an object, else an empty one. */
export function objectAt(value: unknown, key: string): Fields {
  const found = isObject(value) ? value[key] : undefined;
  return isObject(found) ? found : {};
}
