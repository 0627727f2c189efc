// Core runs in plain Node; a test that needs a page says so in its first line: `// @vitest-environment jsdom`.

import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  test: { include: ["src/**/*.test.{ts,tsx}", "*.test.ts"], environment: "node" },
});
