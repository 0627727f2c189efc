/**
 * HTML. Inert, it stands in a shadow root of its own, inside a box that nothing can leave; with scripts, in a frame.
 */

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { strings } from "../strings.ts";
import { isActive } from "./active.ts";
import { OutputFrame } from "./frame.tsx";
import tableSheet from "./html.css?inline";
import { rich } from "./rich.ts";
import { type OutputSettings, useOutputSettings } from "./settings.ts";

export function HtmlOutput({ html, foreign }: { readonly html: string; readonly foreign: boolean }) {
  const active = useMemo(() => isActive(html), [html]);
  if (!active) return <InertHtml html={html} />;
  if (!foreign) return <OutputFrame body={html} label="Interactive output" />;
  return (
    <>
      <ForeignNote />
      <InertHtml html={html} />
    </>
  );
}

/** Says why scripts did not run, and lets who reads this trust the notebook. */
export function ForeignNote({ what = "Scripts in this output did not run" }: { readonly what?: string }) {
  const { trust } = useOutputSettings();
  return (
    <p class="output-note">
      {what}: it came with the file.{" "}
      {trust !== undefined && (
        <button type="button" class="button" data-kind="link" onClick={trust}>
          {strings.trust}
        </button>
      )}
    </p>
  );
}

let sheet: CSSStyleSheet | undefined;

function InertHtml({ html }: { readonly html: string }) {
  const host = useRef<HTMLDivElement>(null);
  const settings = useOutputSettings();
  const tools = rich.value;
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null || tools === undefined) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const nodes = tools.sanitiseOutput(html, placesOf(settings));
    adopt(root, nodes);
    root.replaceChildren(nodes);
  }, [html, tools, settings]);
  // The outer box contains: a style sheet inside the shadow root can restyle its host, but not this.
  return (
    <div class="output-html">
      <div ref={host} />
      {tools === undefined && <p class="output-note">{rich.problem.value}</p>}
    </div>
  );
}

/** Style sheets become constructed ones: the page's policy allows no others, and those can import nothing. */
function adopt(root: ShadowRoot, nodes: DocumentFragment): void {
  if (typeof CSSStyleSheet === "undefined" || !("adoptedStyleSheets" in root)) return;
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(tableSheet);
  }
  const own = [...nodes.querySelectorAll("sheettext")].map(element => {
    const made = new CSSStyleSheet();
    made.replaceSync(element.textContent ?? "");
    element.remove();
    return made;
  });
  root.adoptedStyleSheets = [sheet, ...own];
}

function placesOf(settings: OutputSettings) {
  return { fileUrl: settings.fileUrl, attachmentUrl: () => undefined };
}
