// How the page is built. The server serves what lands in src/carnet/server/static; nothing else is read at run time.

import { defineConfig } from "vite";
import { pages } from "./vite.pages.ts";

/** What every view needs. */
const APP =
  /node_modules\/(preact|@preact|@floating-ui|lucide)\/|src\/(app|common|draw|rest|signin|passkey|context|strings)\.ts|index\.html|src\/styles\/|src\/controls\/|src\/views\/[^/]+$|src\/views\/dashboard\/(listing|contents)|src\/outputs\/size|preload-helper/;
/** What the notebook page needs to show a notebook. */
const NOTEBOOK =
  /src\/(notebookpage\.ts|core\/|link\/|commands\/|views\/notebook\/(?!outlin|reverting)|outputs\/(?!richparts|mathjax|markdown\.ts|sanitise|seek|drawing|inside))|node_modules\/(@codemirror\/state|@marijn\/find-cluster-break)\//;
/** What an editor always needs; languages that load later share parts of it. */
const EDITOR =
  /src\/editor\/(?!markdown|python|assist|completion|tooltip)|node_modules\/(@codemirror\/(view|commands|language|streamparser)|@lezer\/(common|highlight)|style-mod|w3c-keyname|crelt)\//;

const PYTHON = /src\/editor\/python\.ts|node_modules\/@lezer\/(lr|python)\//;

const OUT_DIR = "../src/carnet/server/static";

export default defineConfig({
  // Relative addresses: the server may live below any prefix of a proxy.
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: OUT_DIR,
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    // An inlined asset would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    // One style sheet: all of it is a few kilobytes, and a request costs more.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Each page is few files: a request costs more than some bytes.
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: "app", test: APP, priority: 3 },
            { name: "notebook", test: NOTEBOOK, priority: 2 },
            { name: "editor", test: EDITOR, priority: 1 },
            { name: "python", test: PYTHON, priority: 1 },
          ],
        },
      },
    },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
  plugins: [pages()],
});
