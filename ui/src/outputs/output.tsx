/** One output of a cell: the richest form of it that this page can draw. */

import { useContext, useEffect, useRef, useState } from "preact/hooks";
import type { BlobRef, Json, Output } from "../core/wire.ts";
import { ErrorView } from "./error.tsx";
import { OutputFrame } from "./frame.tsx";
import { scriptBody } from "./framepage.ts";
import { ForeignNote, HtmlOutput } from "./html.tsx";
import { ImageBlob, ImageData, SvgImage } from "./image.tsx";
import { JsonTree } from "./json.tsx";
import { Latex, Markdown } from "./markdownview.tsx";
import { type Bundle, chooseMime, type MimeFamily, metadataOf, textOf } from "./mime.ts";
import { useNear } from "./near.ts";
import { drawing } from "./rich.ts";
import { OutputCellContext, useOutputSettings, useRenewals } from "./settings.ts";
import { sizeInWords } from "./size.ts";
import { PlainText, StreamText } from "./text.tsx";
import "./outputs.css";

export interface OutputProps {
  readonly output: Output;
  /** It came with a file that nobody trusts: its scripts do not run (XS22). */
  readonly foreign: boolean;
}

export function OutputView({ output, foreign }: OutputProps) {
  switch (output.output_type) {
    case "stream":
      return <StreamText stream={output} />;
    case "error":
      return <ErrorView error={output} />;
    case "display_data":
    case "execute_result":
      return <BundleView bundle={output} foreign={foreign} />;
  }
}

/** A MIME bundle. */
export function BundleView({ bundle, foreign }: { readonly bundle: Bundle; readonly foreign: boolean }) {
  const chosen = chooseMime(bundle);
  if (chosen.family === "unknown") return <Unknown mimes={chosen.mimes} />;
  if ("blob" in chosen) {
    const { family, mime, blob } = chosen;
    if (family === "image")
      return <ImageBlob mime={mime} blob={blob} metadata={bundle.metadata} alt={altOf(bundle)} />;
    if (family === "pdf") return <PdfLink blob={blob} />;
    return <TextBlob family={family} mime={mime} blob={blob} bundle={bundle} foreign={foreign} />;
  }
  return <Here {...chosen} bundle={bundle} foreign={foreign} />;
}

function Here(props: {
  readonly family: MimeFamily;
  readonly mime: string;
  readonly value: Json;
  readonly bundle: Bundle;
  readonly foreign: boolean;
}) {
  const { family, mime, value, bundle, foreign } = props;
  switch (family) {
    case "html":
      return <HtmlOutput html={textOf(value)} foreign={foreign} />;
    case "markdown":
      return <Markdown source={textOf(value)} />;
    case "latex":
      return <Latex source={textOf(value)} />;
    case "svg":
      return <SvgImage text={textOf(value)} metadata={bundle.metadata} alt={altOf(bundle)} />;
    case "image":
      return <ImageData mime={mime} value={value} metadata={bundle.metadata} alt={altOf(bundle)} />;
    case "json":
      return <JsonTree value={value} expanded={metadataOf(bundle.metadata, mime, "expanded") === true} />;
    case "javascript":
      if (foreign) return <ForeignNote />;
      return <OutputFrame body={scriptBody(textOf(value))} label="Output of JavaScript" />;
    case "pdf":
      return (
        <p class="output-note">
          A PDF, {sizeInWords(Math.floor((textOf(value).length * 3) / 4))}. Download the notebook to read it.
        </p>
      );
    case "text":
      return <PlainText text={textOf(value)} />;
    case "widget":
      return <LazyWidget view={value} text={textFallback(bundle)} foreign={foreign} />;
    case "plot":
      return <LazyPlot mime={mime} value={value} bundle={bundle} foreign={foreign} />;
  }
}

/** A plot, once what draws plots is there. */
function LazyPlot(props: {
  readonly mime: string;
  readonly value: Json;
  readonly bundle: Bundle;
  readonly foreign: boolean;
}) {
  const tools = drawing.value;
  if (tools !== undefined) return <tools.Plot {...props} />;
  return (
    <div class="output-waiting" data-plot="">
      <p class="output-note">{drawing.problem.value || "Loading what draws plots…"}</p>
    </div>
  );
}

/** A text type kept in a blob: fetched when it comes near the screen. */
function TextBlob(props: {
  readonly family: MimeFamily;
  readonly mime: string;
  readonly blob: BlobRef;
  readonly bundle: Bundle;
  readonly foreign: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const near = useNear(box);
  const address = useOutputSettings().blobUrl(props.blob);
  const [loaded, setLoaded] = useState<{ readonly value: Json } | { readonly problem: string }>();
  const renewals = useRenewals();
  const isLoaded = loaded !== undefined && "value" in loaded;
  // What failed is fetched anew after each new sign-in.
  useEffect(() => {
    if (!near || isLoaded) return;
    const abort = new AbortController();
    fetchText(address, abort.signal).then(
      text => setLoaded({ value: props.family === "json" || props.family === "plot" ? parseOr(text) : text }),
      () => {
        if (!abort.signal.aborted)
          setLoaded({ problem: "This output could not be loaded. Reload the page to try again." });
      },
    );
    return () => abort.abort();
  }, [near, address, props.family, renewals, isLoaded]);
  if (loaded !== undefined && "value" in loaded) return <Here {...props} value={loaded.value} />;
  return (
    <div ref={box} class="output-waiting">
      <p class="output-note">{loaded?.problem ?? `Loading ${sizeInWords(props.blob.size_bytes)}…`}</p>
    </div>
  );
}

async function fetchText(address: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(address, { credentials: "same-origin", signal });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.text();
}

function parseOr(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A widget, once what draws widgets is there. */
function LazyWidget(props: { readonly view: Json; readonly text: string; readonly foreign: boolean }) {
  const cellId = useContext(OutputCellContext);
  const tools = drawing.value;
  if (tools !== undefined) return <tools.Widget {...props} cellId={cellId} />;
  return <p class="output-note">{drawing.problem.value || "Loading what draws widgets…"}</p>;
}

function PdfLink({ blob }: { readonly blob: BlobRef }) {
  const address = useOutputSettings().blobUrl(blob);
  return (
    <p class="output-note">
      <a href={address} target="_blank" rel="noopener noreferrer">
        PDF, {sizeInWords(blob.size_bytes)}
      </a>
    </p>
  );
}

function Unknown({ mimes }: { readonly mimes: readonly string[] }) {
  if (mimes.length === 0) return null;
  return (
    <p class="output-note">This page cannot draw {mimes.join(", ")}, and there is no plain text with it.</p>
  );
}

function textFallback(bundle: Bundle): string {
  const text = bundle.data["text/plain"];
  return text === undefined ? "" : textOf(text);
}

/** What is read aloud for a picture: its own words, else the text that came with it. */
function altOf(bundle: Bundle): string {
  const alt = bundle.metadata.alt;
  if (typeof alt === "string") return alt;
  const text = textFallback(bundle);
  return text === "" ? "Picture" : text.slice(0, 200);
}
