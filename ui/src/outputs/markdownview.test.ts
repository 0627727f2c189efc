// @vitest-environment jsdom
import { expect, test } from "vitest";
import { whereOf } from "./error.tsx";
import { reserve, svgSize } from "./image.tsx";
import { unwrapTex } from "./markdownview.tsx";

test("text/latex loses its marks", () => {
  expect(unwrapTex("$\\displaystyle x$")).toEqual({ tex: "\\displaystyle x", display: false });
  expect(unwrapTex(" $$x$$\n")).toEqual({ tex: "x", display: true });
  expect(unwrapTex("\\begin{align}x\\end{align}")).toEqual({
    tex: "\\begin{align}x\\end{align}",
    display: true,
  });
  expect(unwrapTex("$a$ and $b$")).toEqual({ tex: "\\text{$a$ and $b$}", display: false });
});

test("a traceback's own cell is found, in every form that IPython has used", () => {
  const old = "<ipython-input-7-0123abcd> in <module>\n----> 2 x";
  expect(whereOf(old)).toBe("In run 7, line 2");
  expect(whereOf("\x1b[36mCell\x1b[39m \x1b[32mIn[5], line 1\x1b[39m\n----> 1 x")).toBe("In run 5, line 1");
  expect(whereOf("Cell In [3], in <cell line: 1>()\n----> 1 x")).toBe("In run 3, line 1");
  expect(whereOf("no frames")).toBeUndefined();
});

test("room is reserved from what is known", () => {
  expect(reserve(undefined, undefined, { width: 4, height: 2 })).toEqual({ width: 4, height: 2 });
  expect(reserve(8, undefined, { width: 4, height: 2 })).toEqual({ width: 8, height: 4 });
  expect(reserve(undefined, 8, { width: 4, height: 2 })).toEqual({ width: 16, height: 8 });
  expect(reserve(undefined, undefined, undefined)).toBeUndefined();
});

test("an SVG's size, in its units or from its box", () => {
  expect(svgSize('<?xml?><svg width="72pt" height="36pt">')).toEqual({ width: 96, height: 48 });
  expect(svgSize('<svg viewBox="0 0 30 20">')).toEqual({ width: 30, height: 20 });
  expect(svgSize('<svg width="100%">')).toBeUndefined();
});
