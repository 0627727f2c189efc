/**
 * Plotly's figures: `application/vnd.plotly.v1+json`. The library comes before this script, and is `Plotly`.
 *
 * Of a figure's configuration only what concerns looks and handling counts: nothing that names an address.
 */

import {
  begin,
  colourOf,
  type Drawing,
  type Fields,
  isDark,
  isObject,
  keep,
  objectAt,
  onScheme,
  save,
} from "./inside.ts";
import { darkTemplate, isStockTemplate } from "./plotlylook.ts";

interface Figure {
  readonly data: readonly unknown[];
  readonly layout: Fields;
  readonly config: Fields;
  readonly frames: readonly unknown[];
}

interface Library {
  readonly Icons: Fields;
  setPlotConfig(config: Fields): void;
  react(box: HTMLElement, figure: Figure): Promise<unknown>;
  relayout(box: HTMLElement, changes: Fields): Promise<unknown>;
  restyle(box: HTMLElement, changes: Fields, traces: readonly number[]): Promise<unknown>;
  toImage(figure: Figure, options: Fields): Promise<string>;
}

declare global {
  interface Window {
    readonly Plotly?: Library;
    PlotlyGeoAssets?: { readonly topojson: Record<string, unknown> };
  }
}

/** What a file may set. The rest is ours, or names other hosts. */
const CONFIG = [
  "staticPlot",
  "typesetMath",
  "editable",
  "edits",
  "editSelection",
  "scrollZoom",
  "doubleClick",
  "doubleClickDelay",
  "showAxisDragHandles",
  "showAxisRangeEntryBoxes",
  "showTips",
  "displayModeBar",
  "modeBarButtonsToRemove",
  "plotGlPixelRatio",
  "toImageButtonOptions",
];

const DEFAULT_HEIGHT_PX = 450;

let listens = false;
let shown: Drawing | undefined;

/** What somebody did to the figure: axes, cameras; and which traces are shown. */
interface View {
  readonly layout: Record<string, unknown>;
  readonly visible: Record<string, unknown>;
}
let view: View = { layout: {}, visible: {} };

async function draw(drawing: Drawing, box: HTMLElement): Promise<void> {
  const library = window.Plotly;
  if (library === undefined) throw new Error("Plotly did not load.");
  // What it warns of is for the author of the figure, who sees it; a console is for us.
  library.setPlotConfig({ logging: 0 });
  const figure = readFigure(drawing.value);
  giveMaps(drawing.files);
  shown = drawing;
  const { width, height, template } = figure.layout;
  const templateLayout = objectAt(template, "layout");
  box.style.height = `${numberOf(height) ?? numberOf(templateLayout.height) ?? DEFAULT_HEIGHT_PX}px`;
  const fixed = numberOf(width) ?? numberOf(templateLayout.width);
  box.style.width = fixed === undefined ? "" : `${fixed}px`;
  await library.react(box, {
    ...figure,
    layout: isStockTemplate(template) ? { ...figure.layout, template: inPage(template) } : figure.layout,
    config: configOf(library, figure),
  });
  if (!listens) listen(box);
  await restore(library, box, drawing.view);
}

/** Plotly calls what stands in `on`, which it gives to the element that it draws in. */
function listen(box: HTMLElement): void {
  if (!("on" in box) || typeof box.on !== "function") return;
  listens = true;
  box.on("plotly_relayout", (changes: unknown) => {
    if (!isObject(changes)) return;
    for (const [name, value] of Object.entries(changes))
      if (!/^(width|height|autosize)$/.test(name)) view.layout[name] = value;
    keep(view);
  });
  box.on("plotly_restyle", (changes: unknown) => {
    if (!Array.isArray(changes) || !Array.isArray(changes[1])) return;
    const visible = isObject(changes[0]) ? changes[0].visible : undefined;
    if (!Array.isArray(visible)) return;
    changes[1].forEach((trace: unknown, index) => {
      view.visible[String(trace)] = visible[index % visible.length];
    });
    keep(view);
  });
}

async function restore(library: Library, box: HTMLElement, kept: unknown): Promise<void> {
  const [layout, visible] = [objectAt(kept, "layout"), objectAt(kept, "visible")];
  view = { layout: { ...layout }, visible: { ...visible } };
  if (Object.keys(layout).length > 0) await library.relayout(box, layout);
  const traces = Object.keys(visible);
  if (traces.length > 0) await library.restyle(box, { visible: Object.values(visible) }, traces.map(Number));
}

/** Plotly changes what it is given, so each time it is read anew. */
function readFigure(value: unknown): Figure {
  if (!isObject(value)) throw new Error("It is not a figure of Plotly: an object is expected.");
  const { data, layout, config, frames } = structuredClone(value);
  return {
    data: Array.isArray(data) ? data : [],
    layout: isObject(layout) ? layout : {},
    config: isObject(config) ? config : {},
    frames: Array.isArray(frames) ? frames : [],
  };
}

function configOf(library: Library, figure: Figure): Fields {
  const taken = Object.fromEntries(
    CONFIG.flatMap(name => (name in figure.config ? [[name, figure.config[name]]] : [])),
  );
  const { modeBarButtonsToRemove, modeBarButtonsToAdd } = figure.config;
  const removed = stringsOf(modeBarButtonsToRemove);
  const picture = {
    name: "save",
    title: "Save as a picture",
    icon: library.Icons.camera,
    click: savePicture,
  };
  return {
    ...taken,
    responsive: true,
    displaylogo: false,
    showSendToCloud: false,
    // Ours has the page save it: in a frame Plotly's own does nothing.
    modeBarButtonsToRemove: [...removed, "toImage"],
    modeBarButtonsToAdd: [
      ...stringsOf(modeBarButtonsToAdd),
      ...(removed.includes("toImage") ? [] : [picture]),
    ],
  };
}

/** As it stands, in the colours that its author gave it. */
async function savePicture(box: unknown): Promise<void> {
  if (window.Plotly === undefined || shown === undefined || !(box instanceof HTMLElement)) return;
  const figure = readFigure(shown.value);
  const now = "layout" in box && isObject(box.layout) ? box.layout : figure.layout;
  const data = "data" in box && Array.isArray(box.data) ? box.data : figure.data;
  const options = objectAt(figure.config, "toImageButtonOptions");
  const { format } = options;
  const kind = format === "svg" || format === "jpeg" || format === "webp" ? format : "png";
  const screen = box.getBoundingClientRect();
  const picture = await window.Plotly.toImage(
    { ...figure, data, layout: { ...now, template: figure.layout.template } },
    {
      format: kind,
      width: numberOf(options.width) ?? Math.round(screen.width),
      height: numberOf(options.height) ?? Math.round(screen.height),
      scale: numberOf(options.scale) ?? 2,
    },
  );
  save(`${typeof options.filename === "string" ? options.filename : "plot"}.${kind}`, picture);
}

/** Outlines of countries come from our server, with the page. */
function giveMaps(files: ReadonlyMap<string, string>): void {
  const topojson = window.PlotlyGeoAssets?.topojson ?? {};
  for (const [name, text] of files) topojson[name] ??= JSON.parse(text);
  window.PlotlyGeoAssets = { topojson };
}

/** The stock template on the page's paper. */
function inPage(template: unknown): Fields {
  const own = isObject(template) ? template : {};
  const paper = colourOf("--paper");
  if (!isDark()) return { ...own, layout: { ...objectAt(own, "layout"), paper_bgcolor: paper } };
  return darkTemplate(own, {
    ink: colourOf("--ink"),
    soft: colourOf("--ink-soft"),
    rule: colourOf("--rule"),
    paper,
    sunken: colourOf("--paper-raised"),
  });
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;
}

function stringsOf(value: unknown): readonly string[] {
  return Array.isArray(value)
    ? value.filter(one => typeof one === "string")
    : typeof value === "string"
      ? [value]
      : [];
}

begin(draw);
onScheme(() => {
  const box = document.querySelector<HTMLElement>(".drawing");
  if (shown !== undefined && box !== null) void draw({ ...shown, view }, box);
});
