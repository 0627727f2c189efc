/** Rendered Markdown: in a text cell, and as an output. Mathematics is typeset when its chunk is there. */

import { effect } from "@preact/signals";
import { Fragment, h, render } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { mathematics, rich } from "./rich.ts";
import { type OutputSettings, useOutputSettings } from "./settings.ts";

export interface MarkdownProps {
  readonly source: string;
  readonly attachmentUrl?: ((name: string) => string | undefined) | undefined;
  /** A link to a heading of this notebook was followed. */
  readonly onAnchor?: ((anchor: string) => void) | undefined;
}

export function Markdown({ source, attachmentUrl, onAnchor }: MarkdownProps) {
  const element = useRef<HTMLDivElement>(null);
  const settings = useOutputSettings();
  const tools = rich.value;
  const places = useMemo(
    () => ({ fileUrl: settings.fileUrl, attachmentUrl: attachmentUrl ?? (() => undefined) }),
    [settings, attachmentUrl],
  );
  useLayoutEffect(() => {
    const box = element.current;
    if (box === null || tools === undefined) return;
    box.replaceChildren(tools.renderMarkdown(source, places));
    const stops = [typesetAll(box), highlightFences(box, settings.highlight)];
    return () => {
      for (const stop of stops) stop?.();
    };
  }, [source, places, tools, settings]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the links inside are what is pressed
    // biome-ignore lint/a11y/useKeyWithClickEvents: links are links; this only finds those that stay in the page
    <div
      ref={element}
      class="prose"
      onClick={event => {
        const link = event.target instanceof Element ? event.target.closest("a[href^='#']") : null;
        if (link === null) return;
        event.preventDefault();
        onAnchor?.(decode(link.getAttribute("href")?.slice(1) ?? ""));
      }}
    >
      {tools === undefined ? <div class="prose-plain">{source}</div> : null}
    </div>
  );
}

/** text/latex: text in which mathematics stands between its usual marks. */
export function Latex({ source }: { readonly source: string }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const box = element.current;
    if (box === null) return;
    const { tex, display } = unwrapTex(source);
    const span = document.createElement("span");
    span.className = "math";
    span.dataset.tex = tex;
    span.dataset.display = String(display);
    span.textContent = tex;
    box.replaceChildren(span);
    return typesetAll(box);
  }, [source]);
  return <div ref={element} class="output-latex" />;
}

/** Take the marks off. sympy writes `$\displaystyle x$`, which wants its own line all the same. */
export function unwrapTex(source: string): { tex: string; display: boolean } {
  const text = source.trim();
  for (const [open, close, display] of [
    ["$$", "$$", true],
    ["\\[", "\\]", true],
    ["\\(", "\\)", false],
    ["$", "$", false],
  ] as const) {
    const inside = text.slice(open.length, text.length - close.length);
    if (text.startsWith(open) && text.endsWith(close) && text.length > open.length + close.length) {
      if (!inside.includes("$")) return { tex: inside.trim(), display };
    }
  }
  return text.includes("$") ? { tex: `\\text{${text}}`, display: false } : { tex: text, display: true };
}

/** Typeset what is in the box, once MathJax is there and the box is near the screen; returns how to stop. */
function typesetAll(box: Element): (() => void) | undefined {
  const found = [...box.querySelectorAll<HTMLElement>(".math[data-tex]")];
  if (found.length === 0) return undefined;
  let stopped = false;
  const typeset = () => {
    const stop = whenLoaded(async tools => {
      for (const element of found) {
        if (stopped) return;
        await tools.typeset(element);
      }
    });
    stops.push(stop);
  };
  const stops: (() => void)[] = [];
  typeset();
  return () => {
    stopped = true;
    for (const stop of stops) stop();
  };
}

/** Mark the tokens of fences that name a language, once it is there; returns how to stop. */
function highlightFences(box: Element, highlight: OutputSettings["highlight"]): (() => void) | undefined {
  const found = [...box.querySelectorAll<HTMLElement>("pre > code[class*='language-']")];
  if (found.length === 0 || highlight === undefined) return undefined;
  const fences = found.map(element => ({
    element,
    text: element.textContent,
    language: /(?:^|\s)language-(\S+)/.exec(element.className)?.[1] ?? "",
  }));
  for (const { element } of fences) element.replaceChildren();
  return effect(() => {
    for (const { element, text, language } of fences)
      render(h(Fragment, null, highlight(text, language)), element);
  });
}

type Mathematics = NonNullable<typeof mathematics.value>;

function whenLoaded(use: (tools: Mathematics) => Promise<void>): () => void {
  let done = false;
  const stop = effect(() => {
    const tools = mathematics.value;
    if (tools === undefined || done) return;
    done = true;
    void use(tools);
  });
  return () => {
    done = true;
    stop();
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
