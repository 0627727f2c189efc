// @vitest-environment jsdom
import { describe, expect, test } from "vitest";
import { anchorOf, mathAt, renderMarkdown } from "./markdown.ts";

const places = { fileUrl: (relative: string) => `/files/${relative}`, attachmentUrl: () => undefined };
const html = (source: string): string => {
  const box = document.createElement("div");
  box.append(renderMarkdown(source, places));
  return box.innerHTML.trim();
};
const tex = (source: string) =>
  [...renderMarkdown(source, places).querySelectorAll<HTMLElement>(".math")].map(element => [
    element.dataset.tex,
    element.dataset.display === "true",
  ]);

describe("mathematics", () => {
  test("all the marks that Jupyter knows", () => {
    expect(tex("a $x_1$ b \\(y\\) c \\\\(z\\\\) d")).toEqual([
      ["x_1", false],
      ["y", false],
      ["z", false],
    ]);
    expect(tex("$$a$$\n\n\\[b\\]\n\n\\begin{align}c &= d\\\\ e\\end{align}")).toEqual([
      ["a", true],
      ["b", true],
      ["\\begin{align}c &= d\\\\ e\\end{align}", true],
    ]);
  });

  test("Markdown does not touch what is inside", () => {
    expect(tex("$a_{1} * b_{2} * c$ and $$\n\\left\\{ x \\\\ y \\right.\n$$")).toEqual([
      ["a_{1} * b_{2} * c", false],
      ["\\left\\{ x \\\\ y \\right.", true],
    ]);
    expect(tex("$$\na\n\n$$")).toEqual([["a", true]]);
  });

  test("prices, escapes and code are no mathematics", () => {
    expect(tex("It costs $5 and $6. Or \\$x\\$. And `$y$`.")).toEqual([]);
    expect(tex("```\n$$x$$\n```\n\n    $$y$$")).toEqual([]);
    expect(mathAt("$ x $", 0)).toBeUndefined();
    expect(mathAt("$$$$", 0)).toBeUndefined();
    expect(mathAt("\\begin{align} never ends", 0)).toBeUndefined();
  });

  test("in quotes and lists", () => {
    expect(tex("> $$\n> q\n> $$\n\n- $$\n  l\n  $$")).toEqual([
      ["q", true],
      ["l", true],
    ]);
  });

  test("TeX cannot break out of its attribute", () => {
    const fragment = renderMarkdown('$a"><img src=x onerror=alert(1)>$', places);
    expect(fragment.querySelector("img")).toBeNull();
  });
});

test("tables, strike-through, bare addresses", () => {
  expect(html("| a | b |\n|---|--:|\n| 1 | 2 |")).toContain('<td style="text-align:right">2</td>');
  expect(html("~~x~~ https://example.org")).toContain("<s>x</s>");
  expect(html("https://example.org")).toContain('href="https://example.org"');
});

test("task lists", () => {
  const fragment = renderMarkdown("- [x] done\n- [ ] open\n- plain", places);
  expect([...fragment.querySelectorAll("li.task input")].map(box => box.hasAttribute("checked"))).toEqual([
    true,
    false,
  ]);
  expect(fragment.querySelectorAll("li")[0]?.textContent?.trim()).toBe("done");
});

test("headings have anchors that are no ids, also twice", () => {
  const fragment = renderMarkdown("# A *b* `c`\n\n## Same\n\n## Same", places);
  expect(
    [...fragment.querySelectorAll("[data-anchor]")].map(element => element.getAttribute("data-anchor")),
  ).toEqual(["A-b-c", "Same", "Same-1"]);
  expect(fragment.querySelector("[id]")).toBeNull();
  expect(anchorOf(" Two  words ")).toBe("Two--words");
});

test("HTML in Markdown is as inert as any", () => {
  expect(html("<b onclick=x>a</b> [x](javascript:alert(1)) ![y](javascript:alert(1))")).not.toMatch(
    /onclick|javascript/,
  );
  expect(html("<script>alert(1)</script>\n\n[a]: javascript:alert(1)\n[a]")).not.toMatch(/script/);
});
