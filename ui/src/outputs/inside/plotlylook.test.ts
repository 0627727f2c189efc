import { expect, test } from "vitest";
import { darkTemplate, isStockTemplate } from "./plotlylook.ts";

const STOCK = {
  data: { bar: [{ marker: { pattern: {} } }] },
  layout: {
    paper_bgcolor: "white",
    plot_bgcolor: "#E5ECF6",
    font: { color: "#2a3f5f", size: 12 },
    colorway: ["#636efa"],
    scene: { xaxis: { gridcolor: "white", gridwidth: 2 } },
  },
};
const LOOK = { ink: "ink", soft: "soft", rule: "rule", paper: "paper", sunken: "sunken" };

test("XS29 only the template that nobody chose is taken for the page's", () => {
  expect(isStockTemplate(STOCK)).toBe(true);
  expect(isStockTemplate({ layout: { ...STOCK.layout, plot_bgcolor: "white" } })).toBe(false);
  expect(isStockTemplate(undefined)).toBe(false);
  expect(isStockTemplate("plotly_dark")).toBe(false);
});

test("XS29 in the dark its paper and its lines change, its data's colours do not", () => {
  const dark = darkTemplate(STOCK, LOOK);
  expect(dark).toMatchObject({
    data: { bar: STOCK.data.bar },
    layout: {
      paper_bgcolor: "paper",
      plot_bgcolor: "sunken",
      font: { color: "ink", size: 12 },
      colorway: ["#636efa"],
      scene: { xaxis: { gridcolor: "rule", gridwidth: 2 } },
      xaxis: { gridcolor: "rule" },
    },
  });
  expect(STOCK.layout.font.color).toBe("#2a3f5f");
});
