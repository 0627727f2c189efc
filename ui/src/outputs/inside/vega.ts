/**
 * Vega and Vega-Lite: `application/vnd.vega.v6+json`, `application/vnd.vegalite.v6+json`, and the versions before.
 *
 * Expressions are interpreted: nothing of a specification becomes a program, and the policy of the frame would not let it.
 */

import { type Config, type Loader, loader, None, parse, type Spec, View } from "vega";
import { expressionInterpreter } from "vega-interpreter";
import { compile, type TopLevelSpec } from "vega-lite";
import { Handler } from "vega-tooltip";
import {
  begin,
  colourOf,
  type Drawing,
  type Fields,
  fontOf,
  isDark,
  isObject,
  keep,
  objectAt,
  onScheme,
  save,
} from "./inside.ts";

/** More rows than this are painted: as elements they would be slow. */
const MOST_ROWS_AS_ELEMENTS = 5000;

interface Shown {
  readonly drawing: Drawing;
  readonly view: View;
}

let shown: Shown | undefined;

async function draw(drawing: Drawing, box: HTMLElement): Promise<void> {
  if (!isObject(drawing.value)) throw new Error("It is not a chart of Vega: an object is expected.");
  const options = objectAt(objectAt(drawing.value, "usermeta"), "embedOptions");
  const chart = document.createElement("div");
  chart.className = "vega-chart";
  const bindings = document.createElement("div");
  bindings.className = "vega-bindings";
  if (isFluid(drawing.value)) chart.dataset.fluid = "";
  box.replaceChildren(chart, bindings);
  const missing: string[] = [];
  const view = new View(runtimeOf(drawing, { asInPage: true }), {
    expr: expressionInterpreter,
    loader: loaderOf(drawing, missing),
    renderer: options.renderer === "canvas" || isLarge(drawing.value) ? "canvas" : "svg",
    hover: true,
    logLevel: None,
    tooltip: new Handler({ disableDefaultStyle: true }).call,
  });
  shown?.view.finalize();
  shown = { drawing, view };
  await view.initialize(chart, bindings).runAsync();
  if (missing.length > 0) throw new Error(`${missing.join(", ")} could not be loaded.`);
  if (isObject(drawing.view)) {
    // A state of another specification is refused, with a word that helps nobody.
    await view
      .setState(stateOf(drawing.view))
      .runAsync()
      .catch(() => undefined);
  }
  for (const event of ["pointerup", "wheel", "input", "keyup"]) box.addEventListener(event, keepSoon);
  if (options.actions !== false) chart.append(actionsOf(options));
}

function runtimeOf(drawing: Drawing, { asInPage }: { readonly asInPage: boolean }) {
  const { mime, value } = drawing;
  if (mime.includes("vegalite")) {
    if (!isLite(value)) throw new Error("It is not a chart of Vega-Lite.");
    // What is dropped or replaced is said to a console; nobody reads it here.
    const quiet = {
      level: () => quiet,
      error: () => quiet,
      warn: () => quiet,
      info: () => quiet,
      debug: () => quiet,
    };
    const { spec } = compile(value, { ...(asInPage ? { config: liteConfig() } : {}), logger: quiet });
    return parse(spec, undefined, { ast: true });
  }
  if (!isVega(value)) throw new Error("It is not a chart of Vega.");
  return parse(value, asInPage ? vegaConfig() : undefined, { ast: true });
}

let soon: ReturnType<typeof setTimeout> | undefined;

/** Once a movement is over. */
function keepSoon(): void {
  clearTimeout(soon);
  soon = setTimeout(() => {
    if (shown !== undefined) keep(choicesOf(shown.view));
  }, 200);
}

/** What somebody chose: signals, and what selections hold. */
function choicesOf(view: View) {
  return view.getState({
    signals: name => name !== undefined && !/^(width|height|padding|autosize|background|cursor)$/.test(name),
    data: name => name?.endsWith("_store") ?? false,
  });
}

function stateOf(kept: Fields) {
  return { signals: { ...objectAt(kept, "signals") }, data: { ...objectAt(kept, "data") } };
}

/** Every object may be one; the libraries say what is wrong with it. */
function isLite(value: unknown): value is TopLevelSpec {
  return isObject(value);
}

function isVega(value: unknown): value is Spec {
  return isObject(value);
}

/** Does it take the width that there is? */
function isFluid(spec: Fields): boolean {
  return spec.width === "container" || objectAt(spec, "spec").width === "container";
}

function isLarge(value: unknown, depth = 0): boolean {
  if (Array.isArray(value)) return value.length > MOST_ROWS_AS_ELEMENTS;
  if (!isObject(value) || depth > 3) return false;
  const inside = [value.datasets, value.data, value.values, ...Object.values(objectAt(value, "datasets"))];
  return inside.some(one => isLarge(one, depth + 1));
}

/** Files that the page fetched are here; other hosts are asked only when the reader allowed it. `missing` gets what did not come. */
function loaderOf({ files, remote }: Drawing, missing: string[]): Loader {
  const ours = loader();
  const load = ours.load.bind(ours);
  ours.load = async (address, options) => {
    const text = files.get(address);
    if (text !== undefined) return text;
    try {
      if (remote || address.startsWith("data:")) return await load(address, options);
    } catch {
      // Vega itself would draw an empty plot.
    }
    missing.push(address);
    throw new Error(`${address} could not be loaded.`);
  };
  return ours;
}

/** The page's colours, below what the specification sets itself. */
function pagesLook() {
  const font = fontOf();
  const [ink, soft, line] = [colourOf("--ink"), colourOf("--ink-soft"), colourOf("--rule-strong")];
  return {
    background: colourOf("--paper"),
    title: { font, subtitleFont: font, color: ink, subtitleColor: soft },
    style: { "guide-label": { font, fill: ink }, "guide-title": { font, fill: ink } },
    axis: { domainColor: line, tickColor: line, gridColor: colourOf("--rule") },
  };
}

function vegaConfig(): Config {
  const ink = colourOf("--ink");
  return { ...pagesLook(), ...(isDark() ? { text: { fill: ink }, rule: { stroke: ink } } : {}) };
}

/** Vega-Lite has names of its own for some of it. */
function liteConfig() {
  const ink = colourOf("--ink");
  return {
    ...pagesLook(),
    header: { labelColor: ink, titleColor: ink },
    view: { stroke: colourOf("--rule") },
    ...(isDark() ? { text: { color: ink }, rule: { color: ink } } : {}),
  };
}

function actionsOf(options: Fields): HTMLElement {
  const name = typeof options.downloadFileName === "string" ? options.downloadFileName : "plot";
  const bar = document.createElement("div");
  bar.className = "vega-actions";
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "Plot");
  bar.append(
    button("Save PNG", async () => {
      save(`${name}.png`, await (await authorsView()).toImageURL("png", 2));
    }),
    button("Save SVG", async () => {
      const text = await (await authorsView()).toSVG();
      save(`${name}.svg`, `data:image/svg+xml,${encodeURIComponent(text)}`);
    }),
  );
  return bar;
}

function button(label: string, act: () => Promise<void>): HTMLElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", () => void act());
  return made;
}

/** What is shown, selections included, in the colours that its author gave it. */
async function authorsView(): Promise<View> {
  if (shown === undefined) throw new Error("There is no plot.");
  const { drawing, view } = shown;
  const fresh = new View(runtimeOf(drawing, { asInPage: false }), {
    expr: expressionInterpreter,
    loader: loaderOf(drawing, []),
    renderer: "none",
    logLevel: None,
  });
  await fresh.runAsync();
  fresh.setState(choicesOf(view));
  return fresh.runAsync();
}

begin(draw);
onScheme(() => {
  const box = document.querySelector<HTMLElement>(".drawing");
  if (shown !== undefined && box !== null) void draw({ ...shown.drawing, view: choicesOf(shown.view) }, box);
});
