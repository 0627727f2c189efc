/** What STYLE asks of our TypeScript and neither the compiler nor the linter holds. */

import { expect, test } from "vitest";

const sources: Readonly<Record<string, string>> = import.meta.glob(
  ["./**/*.{ts,tsx}", "!./**/*.test.{ts,tsx}"],
  {
    query: "?raw",
    import: "default",
    eager: true,
  },
);

/** Code without comments, strings, and the names that an import or export gives. */
function codeOf(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "")
    .replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""')
    .replace(/\b(import|export)\b[^;{]*(\{[^}]*\})?[^;]*?\bfrom\b/g, "")
    .replace(/\bexport\s*\{[^}]*\}/g, "");
}

test("there are sources to look at", () => {
  expect(Object.keys(sources).length).toBeGreaterThan(30);
});

test("no type is asserted: `as` stands in tests only, but for `as const`", () => {
  const found = Object.entries(sources).flatMap(([file, source]) =>
    [
      ...codeOf(source).matchAll(
        /^.*[\w)\]}]\s+as\s+(?:[A-Z]\w*|unknown|any|string|number|boolean|never|readonly|keyof|typeof|[{[(]).*$/gm,
      ),
    ].map(match => `${file}: ${match[0].trim()}`),
  );
  expect(found).toEqual([]);
});

test("core has no DOM and no timers", () => {
  const outside =
    /\b(document|window|navigator|localStorage|setTimeout|setInterval|Date\.now|Math\.random|fetch)\b\s*[.(]/;
  const found = Object.entries(sources)
    .filter(([file]) => file.startsWith("./core/"))
    .flatMap(([file, source]) =>
      codeOf(source)
        .split("\n")
        .filter(line => outside.test(line))
        .map(line => `${file}: ${line}`),
    );
  expect(found).toEqual([]);
});

test("rooms import only what they may", () => {
  const mayImport: Readonly<Record<string, RegExp>> = {
    core: /^core\//,
    link: /^(core|link)\/|^strings\.ts$/,
    commands: /^(core|commands)\/|^editor\/handle\.ts$|^strings\.ts$/,
    editor: /^(core|editor)\/|^strings\.ts$/,
    controls: /^controls\/|^draw\.ts$/,
  };
  const wrong: string[] = [];
  for (const [file, source] of Object.entries(sources)) {
    const room = /^\.\/(\w+)\//.exec(file)?.[1] ?? "";
    const allowed = mayImport[room];
    if (allowed === undefined) continue;
    for (const [, target = ""] of source.matchAll(/from\s+"(\.[^"]+)"/g)) {
      const path = new URL(target, `http://ui/${file.slice(2)}`).pathname.slice(1);
      if (!allowed.test(path)) wrong.push(`${file} imports ${path}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("XS21 strings become nodes in two files only", () => {
  const sinks =
    /\b(innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|srcdoc|DOMParser|createContextualFragment|setHTMLUnsafe|parseHTMLUnsafe|eval|Function)\b\s*[=(:]|document\.write|createPolicy/;
  const found = Object.entries(sources)
    .filter(([file, source]) => sinks.test(codeOf(source)) && file !== "./outputs/parse.ts")
    .map(([file]) => file);
  expect(found).toEqual([]);
});
