// How the page is built. The server serves what lands in src/carnet/server/static; nothing else is read at run time.

import { defineConfig } from "vite";
import { pages } from "./vite.pages.ts";

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
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
  plugins: [pages()],
});
