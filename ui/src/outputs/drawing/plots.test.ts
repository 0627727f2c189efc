import { expect, test } from "vitest";
import { needsOf } from "./plots.ts";

const PLOTLY = "application/vnd.plotly.v1+json";
const LITE = "application/vnd.vegalite.v6+json";

test("XS23 the small bundle of Plotly draws flat figures, the large one the rest", () => {
  const library = (...types: string[]) =>
    needsOf(PLOTLY, { data: types.map(type => ({ type })), layout: {} }).library;
  expect(library("scatter", "bar", "heatmap")).toBe("plotly-cartesian");
  expect(library("scatter", "surface")).toBe("plotly-full");
  expect(library("scattergl")).toBe("plotly-full");
  expect(needsOf(PLOTLY, { data: [{}] }).library).toBe("plotly-cartesian");
  // An animation may show what it does not begin with.
  const frames = [{ data: [{ type: "cone" }] }];
  expect(needsOf(PLOTLY, { data: [{}], frames }).library).toBe("plotly-full");
});

test("XS23 outlines of countries are asked for by what is shown", () => {
  const maps = (layout: { readonly [key: string]: { readonly [key: string]: string | number } }) =>
    needsOf(PLOTLY, { data: [{ type: "choropleth" }], layout }).maps;
  expect(maps({})).toEqual(["world_110m"]);
  expect(maps({ geo: { scope: "north america", resolution: 50 } })).toEqual(["north-america_50m"]);
  expect(maps({ geo: { scope: "usa" }, geo2: {} })).toEqual(["usa_110m", "world_110m"]);
  expect(needsOf(PLOTLY, { data: [{ type: "scatter" }] }).maps).toEqual([]);
});

test("XS26 tiles of a map, and data by address, name other hosts", () => {
  expect(needsOf(PLOTLY, { data: [{ type: "scattermap" }] }).hosts).toEqual(["the map's servers"]);
  expect(needsOf(PLOTLY, { data: [{ type: "treemap" }, { type: "heatmap" }] }).hosts).toEqual([]);
  const spec = {
    data: { url: "https://Example.org/a.json" },
    layer: [{ data: { url: "//b.example/x.csv" } }, { data: { url: "beside.csv" } }],
  };
  expect(needsOf(LITE, spec).hosts).toEqual(["b.example", "example.org"]);
  expect(needsOf(LITE, spec).files).toEqual(["beside.csv"]);
  // What stands in rows of data is data.
  expect(needsOf(LITE, { data: { values: [{ url: "https://c.example/" }] } }).hosts).toEqual([]);
});

test("XS27 the height is known before anything is drawn", () => {
  const height = (value: Parameters<typeof needsOf>[1]) => needsOf(PLOTLY, value).height_px;
  expect(height({ data: [], layout: { height: 333 } })).toBe(333);
  expect(height({ data: [], layout: { template: { layout: { height: 200 } } } })).toBe(200);
  expect(height({ data: [], layout: { height: "tall" } })).toBe(450);
  expect(height(7)).toBe(450);
  expect(needsOf(LITE, { height: 100 }).height_px).toBeGreaterThan(100);
});

test("XS25 what is read aloud", () => {
  const figure = {
    data: [
      { type: "bar", name: "rain" },
      { type: "bar", name: "<b>sun</b>" },
    ],
    layout: { title: { text: "Weather<br>today" }, xaxis: { title: { text: "hour" } } },
  };
  expect(needsOf(PLOTLY, figure).description).toBe("Plot: Weather today. bar. x: hour. rain, sun.");
  const spec = {
    title: ["Two", "lines"],
    mark: { type: "line" },
    encoding: { x: { field: "day" }, y: { aggregate: "mean", field: "rain" } },
  };
  expect(needsOf(LITE, spec).description).toBe("Plot: Two lines. line. x: day; y: mean of rain.");
  expect(needsOf(LITE, { description: "Its own words" }).description).toBe("Its own words");
});
