/** What a plot needs and how it will look, read from its data before anything is drawn. Pure. */

import type { Json } from "../../core/wire.ts";

export interface PlotNeeds {
  readonly library: "plotly-cartesian" | "plotly-full" | "vega";
  /** Outlines of countries, by Plotly's names. */
  readonly maps: readonly string[];
  /** Files that it names relative to the notebook. */
  readonly files: readonly string[];
  /** Other hosts that it names. */
  readonly hosts: readonly string[];
  readonly height_px: number;
  /** What is read aloud. */
  readonly description: string;
}

/** What the smaller of Plotly's bundles draws. */
const CARTESIAN = new Set([
  "bar",
  "box",
  "contour",
  "heatmap",
  "histogram",
  "histogram2d",
  "histogram2dcontour",
  "image",
  "pie",
  "scatter",
  "scatterternary",
  "violin",
]);

const PLOTLY_HEIGHT_PX = 450;
const VEGA_HEIGHT_PX = 300;
/** Axis, labels and title of a chart. */
const VEGA_AXIS_PX = 48;

export function needsOf(mime: string, value: Json): PlotNeeds {
  return mime.includes("plotly") ? ofPlotly(value) : ofVega(value);
}

function ofPlotly(value: Json): PlotNeeds {
  const layout = fields(fields(value).layout);
  const templateLayout = fields(fields(layout.template).layout);
  const traces = list(fields(value).data).map(fields);
  const moving = list(fields(value).frames).flatMap(frame => list(fields(frame).data).map(fields));
  const types = [...traces, ...moving].map(trace =>
    typeof trace.type === "string" ? trace.type : "scatter",
  );
  const titled = fields(layout.title).text ?? layout.title;
  const axes = ["xaxis", "yaxis"].map(name => {
    const axis = fields(layout[name]);
    return plain(fields(axis.title).text ?? axis.title);
  });
  const names = traces.map(trace => plain(trace.name)).filter(name => name !== "");
  return {
    library: types.every(type => CARTESIAN.has(type)) ? "plotly-cartesian" : "plotly-full",
    maps: types.some(type => type === "scattergeo" || type === "choropleth")
      ? mapsOf(layout, templateLayout)
      : [],
    files: [],
    hosts: types.some(type => /(map|mapbox)$/.test(type) && type !== "treemap" && type !== "heatmap")
      ? ["the map's servers"]
      : [],
    height_px: number(layout.height) ?? number(templateLayout.height) ?? PLOTLY_HEIGHT_PX,
    description: sentence([
      `Plot${titleOf(titled)}`,
      [...new Set(types)].join(", "),
      axesOf(axes[0], axes[1]),
      names.length > 1 ? names.slice(0, 20).join(", ") : "",
    ]),
  };
}

/** Plotly's names of the outlines that it will ask for: `world_110m`. */
function mapsOf(layout: Fields, templateLayout: Fields): readonly string[] {
  const names = Object.keys(layout).filter(key => /^geo\d*$/.test(key));
  const stock = fields(templateLayout.geo);
  return [
    ...new Set(
      (names.length === 0 ? ["geo"] : names).map(name => {
        const geo = { ...stock, ...fields(layout[name]) };
        const scope = typeof geo.scope === "string" ? geo.scope : "world";
        return `${scope.replaceAll(" ", "-")}_${String(geo.resolution) === "50" ? "50" : "110"}m`;
      }),
    ),
  ];
}

function ofVega(value: Json): PlotNeeds {
  const spec = fields(value);
  const addresses = [...new Set(addressesOf(value))];
  const isAbsolute = (address: string) => /^([a-z][a-z0-9+.-]*:|\/\/)/i.test(address);
  const inner = fields(spec.spec);
  const view = fields(fields(spec.config).view);
  const height =
    number(spec.height) ??
    number(inner.height) ??
    number(view.continuousHeight) ??
    number(view.height) ??
    VEGA_HEIGHT_PX;
  const encoding = fields(spec.encoding);
  const titled = fields(spec.title).text ?? spec.title;
  const mark = fields(spec.mark).type ?? spec.mark;
  return {
    library: "vega",
    maps: [],
    files: addresses.filter(address => !isAbsolute(address)),
    hosts: [...new Set(addresses.filter(isAbsolute).flatMap(hostOf))].sort(),
    height_px: height + VEGA_AXIS_PX + (titled === undefined ? 0 : VEGA_AXIS_PX / 2),
    description:
      typeof spec.description === "string"
        ? spec.description
        : sentence([
            `Plot${titleOf(titled)}`,
            typeof mark === "string" ? mark : "",
            axesOf(channel(encoding.x), channel(encoding.y)),
          ]),
  };
}

/** Addresses of data and pictures, wherever in a specification. */
function addressesOf(value: Json, depth = 0): string[] {
  if (depth > 30) return [];
  if (isList(value)) {
    // Rows of data name nothing.
    return value.length > 1000 ? [] : value.flatMap(one => addressesOf(one, depth + 1));
  }
  return Object.entries(fields(value)).flatMap(([key, inner]) => {
    if (key === "values" || key === "datasets") return [];
    if (key === "url") return typeof inner === "string" ? [inner] : [];
    return addressesOf(inner, depth + 1);
  });
}

function hostOf(address: string): string[] {
  const match = /^(?:https?:)?\/\/([^/?#]+)/i.exec(address.trim());
  return match?.[1] === undefined ? [] : [match[1].toLowerCase()];
}

function channel(value: Json | undefined): string {
  const { title, field, aggregate } = fields(value);
  if (typeof title === "string") return title;
  return [aggregate, field].filter(part => typeof part === "string").join(" of ");
}

function axesOf(x: string | undefined, y: string | undefined): string {
  return [x ? `x: ${x}` : "", y ? `y: ${y}` : ""].filter(part => part !== "").join("; ");
}

function titleOf(title: Json | undefined): string {
  const text = isList(title) ? title.map(plain).join(" ") : plain(title);
  return text === "" ? "" : `: ${text}`;
}

/** Plotly's labels have markup of their own. */
function plain(value: Json | undefined): string {
  return typeof value === "string"
    ? value
        .replace(/<[^>]*>/g, " ")
        .replace(/\s+/g, " ")
        .trim()
    : "";
}

function sentence(parts: readonly string[]): string {
  return `${parts.filter(part => part !== "").join(". ")}.`.slice(0, 500);
}

interface Fields {
  readonly [key: string]: Json;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function list(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

function isFields(value: Json | undefined): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fields(value: Json | undefined): Fields {
  return isFields(value) ? value : {};
}

function number(value: Json | undefined): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : undefined;
}
