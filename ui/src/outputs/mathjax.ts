/**
 * TeX to mathematics, by MathJax 4, in a chunk of its own; fonts and rare tables come piece by piece from our server.
 *
 * No `html`, `require` or `autoload` package: TeX from a file can neither make links nor set classes, ids or styles,
 * and MathJax's own `safe` filter stands behind that. Macros (`\newcommand`) hold for the page, as in Jupyter.
 */

import { MathJaxNewcmFont } from "@mathjax/mathjax-newcm-font/js/chtml.js";
import { AssistiveMmlHandler } from "@mathjax/src/js/a11y/assistive-mml.js";
import { browserAdaptor } from "@mathjax/src/js/adaptors/browserAdaptor.js";
import { RegisterHTMLHandler } from "@mathjax/src/js/handlers/html.js";
import { TeX } from "@mathjax/src/js/input/tex.js";
import "@mathjax/src/js/input/tex/ams/AmsConfiguration.js";
import "@mathjax/src/js/input/tex/amscd/AmsCdConfiguration.js";
import "@mathjax/src/js/input/tex/base/BaseConfiguration.js";
import "@mathjax/src/js/input/tex/bbox/BboxConfiguration.js";
import "@mathjax/src/js/input/tex/boldsymbol/BoldsymbolConfiguration.js";
import "@mathjax/src/js/input/tex/braket/BraketConfiguration.js";
import "@mathjax/src/js/input/tex/cancel/CancelConfiguration.js";
import "@mathjax/src/js/input/tex/cases/CasesConfiguration.js";
import "@mathjax/src/js/input/tex/color/ColorConfiguration.js";
import "@mathjax/src/js/input/tex/configmacros/ConfigMacrosConfiguration.js";
import "@mathjax/src/js/input/tex/enclose/EncloseConfiguration.js";
import "@mathjax/src/js/input/tex/extpfeil/ExtpfeilConfiguration.js";
import "@mathjax/src/js/input/tex/gensymb/GensymbConfiguration.js";
import "@mathjax/src/js/input/tex/mathtools/MathtoolsConfiguration.js";
import "@mathjax/src/js/input/tex/newcommand/NewcommandConfiguration.js";
import "@mathjax/src/js/input/tex/noundefined/NoUndefinedConfiguration.js";
import "@mathjax/src/js/input/tex/textmacros/TextMacrosConfiguration.js";
import "@mathjax/src/js/input/tex/unicode/UnicodeConfiguration.js";
import "@mathjax/src/js/input/tex/upgreek/UpgreekConfiguration.js";
import "@mathjax/src/js/input/tex/verb/VerbConfiguration.js";
import { mathjax } from "@mathjax/src/js/mathjax.js";
import { CHTML } from "@mathjax/src/js/output/chtml.js";
import { SafeHandler } from "@mathjax/src/js/ui/safe/SafeHandler.js";
import { parseMathMl } from "./parse.ts";

const FONT_FOLDER = "mathjax-fonts";

/** Addresses of the font files, by their names in MathJax's own style sheet. */
const fonts = import.meta.glob<string>("/node_modules/@mathjax/mathjax-newcm-font/chtml/woff2/*.woff2", {
  query: "?url",
  import: "default",
  eager: true,
});

/** Rare characters: fraktur, arrows, braille, ... */
const tables = import.meta.glob("/node_modules/@mathjax/mathjax-newcm-font/mjs/chtml/dynamic/*.js");

mathjax.asyncLoad = (name: string) => {
  const file = name.split("/").at(-1)?.replace(/\.js$/, "") ?? "";
  const load = tables[`/node_modules/@mathjax/mathjax-newcm-font/mjs/chtml/dynamic/${file}.js`];
  return load === undefined ? Promise.reject(new Error(`There is no table ${name}.`)) : load();
};

const adaptor = browserAdaptor();
// What screen readers get: MathJax writes it as text and parses that.
adaptor.parse = (text: string) => parseMathMl(text);
const sheet = new CSSStyleSheet();
// A constructed sheet needs no `unsafe-inline` in the page's policy.
adaptor.insertRules = (_node: unknown, rules: string[]) => {
  for (const rule of rules) sheet.insertRule(withFonts(rule), sheet.cssRules.length);
};

AssistiveMmlHandler(SafeHandler(RegisterHTMLHandler(adaptor)));

const output = new CHTML({ fontData: MathJaxNewcmFont, fontURL: FONT_FOLDER, displayOverflow: "overflow" });
const input = new TeX({
  packages: [
    "base",
    "ams",
    "amscd",
    "bbox",
    "boldsymbol",
    "braket",
    "cancel",
    "cases",
    "color",
    "configmacros",
    "enclose",
    "extpfeil",
    "gensymb",
    "mathtools",
    "newcommand",
    "noundefined",
    "textmacros",
    "unicode",
    "upgreek",
    "verb",
  ],
  macros: { bm: ["\\boldsymbol{#1}", 1] },
});
const page = mathjax.document(document, { InputJax: input, OutputJax: output });

let styled = false;

/** Where the last formula stands in the line: formulas are typeset one after another, since macros carry over. */
let last: Promise<void> = Promise.resolve();

/** Typeset `data-tex` of this element into it. A formula that is wrong says so, in red, in its place. */
export function typeset(element: HTMLElement): Promise<void> {
  last = last.then(() => typesetNow(element)).catch(() => undefined);
  return last;
}

async function typesetNow(element: HTMLElement): Promise<void> {
  const tex = element.dataset.tex;
  if (tex === undefined || !element.isConnected) return;
  const style = getComputedStyle(element);
  const em = Number.parseFloat(style.fontSize) || 16;
  const node: unknown = await page.convertPromise(tex, {
    display: element.dataset.display === "true",
    em,
    ex: em / 2,
    containerWidth: element.parentElement?.clientWidth || 80 * em,
  });
  updateSheet();
  if (!(node instanceof Element)) return;
  // `\\label` and `\\ref`: an id would be a global of the page.
  for (const part of node.querySelectorAll("[href], [id]")) {
    part.removeAttribute("href");
    part.removeAttribute("id");
  }
  element.replaceChildren(node);
  element.classList.add("math-set");
}

function updateSheet(): void {
  const node: unknown = output.styleSheet(page);
  if (styled || !(node instanceof Element)) return;
  styled = true;
  sheet.replaceSync(withFonts(node.textContent ?? ""));
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

function withFonts(css: string): string {
  return css.replace(/url\("?mathjax-fonts\/([^")]+)"?\)/g, (_all, file: string) => {
    const address = fonts[`/node_modules/@mathjax/mathjax-newcm-font/chtml/woff2/${file}`];
    // A constructed sheet resolves addresses against the page, whose folder is not the chunk's.
    return `url("${address === undefined ? "" : new URL(address, import.meta.url).href}")`;
  });
}
