import { expect, test } from "vitest";
import { BUDGET, inlineRuntime, overBudget, scriptsOf, weigh } from "./vite.pages.ts";

const scripts = [
  { file: "a/app.js", modules: ["/ui/src/app.ts", "/ui/src/rest.ts"], imports: [] },
  { file: "a/notebook.js", modules: ["/ui/src/notebookpage.ts"], imports: ["a/shared.js", "a/app.js"] },
  { file: "a/shared.js", modules: ["/ui/src/core/text.ts"], imports: ["a/app.js"] },
  { file: "a/dashboard.js", modules: ["/ui/src/views/dashboard/index.tsx"], imports: ["a/app.js"] },
];

test("a page's scripts are those of its modules and what they import, each once", () => {
  expect(scriptsOf(scripts, ["src/app.ts", "src/notebookpage.ts"])).toEqual([
    "a/app.js",
    "a/notebook.js",
    "a/shared.js",
  ]);
});

test("a module that is not built is said, not left out", () => {
  expect(() => scriptsOf(scripts, ["src/gone.ts"])).toThrow("src/gone.ts is in no built script.");
});

test("a page weighs its files, and two requests more: the HTML and the link", () => {
  const files = { scripts: ["a/app.js", "a/dashboard.js"], styles: ["a/style.css"] };
  expect(weigh(files, () => 1000)).toEqual({ bytes: 3000, requests: 5 });
});

test("a page over the budget is refused with a sentence", () => {
  expect(overBudget("notebook", BUDGET)).toBeUndefined();
  expect(overBudget("notebook", { ...BUDGET, bytes: BUDGET.bytes + 1 })).toContain("180001 bytes");
  expect(overBudget("notebook", { ...BUDGET, requests: BUDGET.requests + 1 })).toContain("7 requests");
});

test("the bundler's run time is put where it is imported, and works there", () => {
  const chunk = {
    name: "x",
    fileName: "a/x.js",
    code: 'import{t as e}from"./rt-1.js";export const two=e(1);',
  };
  const runtime = {
    name: "rolldown-runtime",
    fileName: "a/rt-1.js",
    code: "var n=1,r=t=>t+n;export{r as t};",
  };
  expect(inlineRuntime([chunk, runtime])).toEqual(new Set(["a/rt-1.js"]));
  expect(chunk.code).not.toContain("import");
  expect(new Function(chunk.code.replace("export const two=", "return "))()).toBe(2);
});
