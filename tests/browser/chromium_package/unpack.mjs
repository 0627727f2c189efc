// Unpack Chromium, its fonts and its libraries into TMPDIR, and print where the program is.
// Usage: TMPDIR=folder node unpack.mjs; the current folder is the one with node_modules.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const entry = createRequire(join(process.cwd(), "package.json")).resolve("@sparticuz/chromium");
const { default: chromium, inflate } = await import(pathToFileURL(entry).href);
await inflate(join(dirname(entry), "..", "bin", "al2023.tar.br"));
console.log(await chromium.executablePath());
