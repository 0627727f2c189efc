import { expect, test } from "vitest";
import { BUDGET, filesOf, overBudget, weigh } from "./vite.pages.ts";

const manifest = {
  "index.html": { file: "assets/app.js", css: ["assets/base.css"], imports: ["_shared.js"] },
  "_shared.js": { file: "assets/shared.js" },
  "src/views/notebook/index.tsx": {
    file: "assets/notebook.js",
    imports: ["_shared.js"],
    css: ["assets/nb.css"],
  },
  "src/views/dashboard/index.tsx": { file: "assets/dashboard.js" },
};

test("a page's files are its chunks and what they import, each once", () => {
  expect(filesOf(manifest, ["src/views/notebook/index.tsx"])).toEqual({
    scripts: ["assets/app.js", "assets/notebook.js", "assets/shared.js"],
    styles: ["assets/base.css", "assets/nb.css"],
  });
});

test("a page weighs its files, and two requests more: the HTML and the link", () => {
  const files = filesOf(manifest, ["src/views/dashboard/index.tsx"]);
  expect(weigh(files, () => 1000)).toEqual({ bytes: 4000, requests: 6 });
});

test("a page over the budget is refused with a sentence", () => {
  expect(overBudget("notebook", BUDGET)).toBeUndefined();
  expect(overBudget("notebook", { ...BUDGET, bytes: BUDGET.bytes + 1 })).toContain("180001 bytes");
  expect(overBudget("notebook", { ...BUDGET, requests: BUDGET.requests + 1 })).toContain("7 requests");
});
