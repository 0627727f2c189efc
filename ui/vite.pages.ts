// A Vite plugin that finishes the built page: .br and .gz beside each file (the server compresses nothing while it
// serves), preload.json (which files each page needs at once, so that the server can name them in the HTML), and the
// budget: the build fails when the notebook page grows beyond it.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** What one entry of Vite's manifest says, as far as we use it. */
export interface ManifestChunk {
  readonly file: string;
  readonly imports?: readonly string[];
  readonly dynamicImports?: readonly string[];
  readonly css?: readonly string[];
}

export type Manifest = Readonly<Record<string, ManifestChunk>>;

/** Files a page loads before it can be used: scripts and styles, without the HTML. */
export interface PageFiles {
  readonly scripts: readonly string[];
  readonly styles: readonly string[];
}

/** Compressed bytes and requests up to the first editable cell. One request is the HTML, one the link. */
export interface Weight {
  readonly bytes: number;
  readonly requests: number;
}

export const BUDGET: Weight = { bytes: 180_000, requests: 6 };

/** Each page by name, and what it loads at once. A chunk named here that is not built yet is left out. */
export const PAGES: Readonly<Record<string, readonly string[]>> = {
  dashboard: ["src/app.ts", "src/views/dashboard/index.tsx"],
  notebook: ["src/app.ts", "src/views/notebook/index.tsx", "src/editor/index.ts"],
};

const COMPRESSED = new Set([".js", ".css", ".svg", ".json", ".wasm", ".map", ".txt", ".ttf"]);

/** Return all files that these chunks need, static imports included. */
export function filesOf(manifest: Manifest, roots: readonly string[]): PageFiles {
  const scripts = new Set<string>();
  const styles = new Set<string>();
  const seen = new Set<string>();
  const queue = [...roots, ...("index.html" in manifest ? ["index.html"] : [])];
  for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
    const chunk = manifest[key];
    if (chunk === undefined || seen.has(key)) continue;
    seen.add(key);
    scripts.add(chunk.file);
    for (const style of chunk.css ?? []) styles.add(style);
    queue.push(...(chunk.imports ?? []));
  }
  return { scripts: [...scripts].sort(), styles: [...styles].sort() };
}

/** Return what a page weighs, given the compressed size of each file. */
export function weigh(files: PageFiles, sizeOf: (file: string) => number): Weight {
  const all = [...files.scripts, ...files.styles];
  return { bytes: all.reduce((sum, file) => sum + sizeOf(file), 0), requests: all.length + 2 };
}

/** Return the sentence that says what is over budget, or nothing. */
export function overBudget(page: string, weight: Weight, budget: Weight = BUDGET): string | undefined {
  if (weight.bytes > budget.bytes) {
    return `The ${page} page weighs ${weight.bytes} bytes compressed; ${budget.bytes} are allowed. Load something later.`;
  }
  if (weight.requests > budget.requests) {
    return `The ${page} page needs ${weight.requests} requests; ${budget.requests} are allowed. Join some chunks.`;
  }
  return undefined;
}

export function pages(): Plugin {
  let outDir = "";
  return {
    name: "carnet-pages",
    apply: "build",
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    closeBundle() {
      const sizes = compressAll(outDir);
      const manifest: Manifest = JSON.parse(readFileSync(join(outDir, "manifest.json"), "utf8"));
      const preload: Record<string, PageFiles> = {};
      for (const [page, roots] of Object.entries(PAGES)) {
        const files = filesOf(manifest, roots);
        preload[page] = files;
        const weight = weigh(files, file => sizes.get(file) ?? 0);
        process.stderr.write(`${page} page: ${weight.bytes} bytes (br), ${weight.requests} requests\n`);
        const problem = page === "notebook" ? overBudget(page, weight) : undefined;
        if (problem !== undefined) throw new Error(problem);
      }
      writeFileSync(join(outDir, "preload.json"), `${JSON.stringify(preload, null, 1)}\n`);
    },
  };
}

/** Write .br and .gz beside each file that gains by it; return each file's brotli size by its relative name. */
function compressAll(folder: string): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    const bytes = readFileSync(path);
    const name = relative(folder, path).replaceAll("\\", "/");
    sizes.set(name, bytes.length);
    if (!COMPRESSED.has(extname(entry.name)) || !name.includes("/")) continue;
    const brotli = brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    });
    if (brotli.length >= bytes.length) continue;
    writeFileSync(`${path}.br`, brotli);
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    sizes.set(name, brotli.length);
  }
  return sizes;
}
