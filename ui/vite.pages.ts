// A Vite plugin that finishes the built page: .br and .gz beside each file (the server compresses nothing while it
// serves), preload.json (which files each page needs at once, so that the server can name them in the HTML), and the
// budget: the build fails when a page grows beyond it.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** A built script: which modules are in it, and which scripts it loads with it. */
export interface Script {
  readonly file: string;
  readonly modules: readonly string[];
  imports: readonly string[];
}

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

/** Each page by name, and the modules it loads at once, with all that these import. */
export const PAGES: Readonly<Record<string, readonly string[]>> = {
  dashboard: ["src/app.ts", "src/views/dashboard/index.tsx"],
  notebook: ["src/app.ts", "src/notebookpage.ts", "src/editor/index.ts"],
  terminal: ["src/app.ts", "src/terminalpage.ts"],
};

/** Files that compress for seconds. */
const CACHED_FROM_BYTES = 500_000;

const COMPRESSED = new Set([".js", ".css", ".svg", ".json", ".wasm", ".map", ".txt", ".ttf"]);

/** Return the scripts that these modules need, static imports included. Throws when a module is in none. */
export function scriptsOf(scripts: readonly Script[], roots: readonly string[]): readonly string[] {
  const byFile = new Map(scripts.map(script => [script.file, script]));
  const queue = roots.map(root => {
    const found = scripts.find(script => script.modules.some(module => module.endsWith(`/${root}`)));
    if (found === undefined) throw new Error(`${root} is in no built script.`);
    return found;
  });
  const needed = new Set<string>();
  for (let script = queue.pop(); script !== undefined; script = queue.pop()) {
    if (needed.has(script.file)) continue;
    needed.add(script.file);
    queue.push(...script.imports.flatMap(file => byFile.get(file) ?? []));
  }
  return [...needed].sort();
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
  let inlined: ReadonlySet<string> = new Set();
  const preload: Record<string, PageFiles> = {};
  return {
    name: "carnet-pages",
    apply: "build",
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const scripts = Object.values(bundle).flatMap((chunk): Script[] =>
          chunk.type === "chunk"
            ? [{ file: chunk.fileName, modules: chunk.moduleIds, imports: chunk.imports }]
            : [],
        );
        const styles = Object.keys(bundle).filter(file => file.endsWith(".css"));
        inlined = inlineRuntime(Object.values(bundle).filter(chunk => chunk.type === "chunk"));
        for (const script of scripts) script.imports = script.imports.filter(file => !inlined.has(file));
        for (const [page, roots] of Object.entries(PAGES)) {
          preload[page] = { scripts: scriptsOf(scripts, roots), styles };
        }
      },
    },
    closeBundle() {
      unlist(inlined, outDir);
      const sizes = compressAll(outDir);
      writeFileSync(join(outDir, "preload.json"), `${JSON.stringify(preload, null, 1)}\n`);
      for (const [page, files] of Object.entries(preload)) {
        const weight = weigh(files, file => sizes.get(file) ?? 0);
        process.stderr.write(`${page} page: ${weight.bytes} bytes (br), ${weight.requests} requests\n`);
        for (const file of [...files.scripts, ...files.styles]) {
          process.stderr.write(`  ${String(sizes.get(file)).padStart(7)} ${file}\n`);
        }
        const problem = overBudget(page, weight);
        if (problem !== undefined) throw new Error(problem);
      }
    },
  };
}

interface Chunk {
  readonly fileName: string;
  readonly name: string;
  code: string;
}

/**
 * The bundler's run time is a file of 150 bytes, and a request: put its text where it is imported.
 *
 * Returns the names of the files that nothing imports any more. (They stay; `unlist` takes them out of the lists of what to preload.)
 */
export function inlineRuntime(chunks: readonly Chunk[]): ReadonlySet<string> {
  const inlined = new Set<string>();
  for (const runtime of chunks.filter(chunk => chunk.name === "rolldown-runtime")) {
    const found = /^([\s\S]*?)export\s*\{([^}]*)\};?\s*$/.exec(runtime.code);
    const [, body, names] = found ?? [];
    if (body === undefined || names === undefined) continue;
    // `export{a as t}` gives `{t:a}`, `import{t as e}` takes `{t:e}`.
    const given = names.replace(/(\w+)\s+as\s+(\w+)/g, "$2:$1");
    const file = runtime.fileName.slice(runtime.fileName.lastIndexOf("/") + 1).replace(/[.\\]/g, "\\$&");
    const statement = new RegExp(`import\\s*\\{([^}]*)\\}\\s*from\\s*["'\`]\\./${file}["'\`];?`);
    for (const chunk of chunks) {
      chunk.code = chunk.code.replace(
        statement,
        (_match, taken: string) =>
          `const {${taken.replace(/(\w+)\s+as\s+(\w+)/g, "$1:$2")}}=(()=>{${body};return{${given}}})();`,
      );
    }
    inlined.add(runtime.fileName);
  }
  return inlined;
}

/** Take files out of the lists of what to load ahead, which Vite writes last: each script names itself instead. */
function unlist(files: ReadonlySet<string>, folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || extname(entry.name) !== ".js") continue;
    const path = join(entry.parentPath, entry.name);
    const code = readFileSync(path, "utf8");
    let changed = code;
    for (const file of files) {
      const name = file.slice(file.lastIndexOf("/") + 1);
      changed = changed.replace(`"./${name}"`, `"./${entry.name}"`);
    }
    if (changed !== code) writeFileSync(path, changed);
  }
}

/** Plotly takes a minute, and is the same in each build: what was compressed once is kept beside the libraries. */
function compressed(bytes: Buffer): readonly [Buffer, Buffer] {
  const cache = join("node_modules", ".cache", "carnet-compressed");
  const name = join(cache, createHash("sha256").update(bytes).digest("hex"));
  if (bytes.length > CACHED_FROM_BYTES && existsSync(`${name}.gz`)) {
    return [readFileSync(`${name}.br`), readFileSync(`${name}.gz`)];
  }
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  const gzip = gzipSync(bytes, { level: 9 });
  if (bytes.length > CACHED_FROM_BYTES) {
    mkdirSync(cache, { recursive: true });
    writeFileSync(`${name}.br`, brotli);
    writeFileSync(`${name}.gz`, gzip);
  }
  return [brotli, gzip];
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
    const [brotli, gzip] = compressed(bytes);
    if (brotli.length >= bytes.length) continue;
    writeFileSync(`${path}.br`, brotli);
    writeFileSync(`${path}.gz`, gzip);
    sizes.set(name, brotli.length);
  }
  return sizes;
}
