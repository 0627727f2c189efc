// Core runs in plain Node; a test that needs a page says so in its first line: `// @vitest-environment jsdom`.

import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: {
    include: ["src/**/*.test.{ts,tsx}", "*.test.ts"],
    environment: "node",
    // A fault, not a measure: some laws draw thousands of examples, and the machine may have other work.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
