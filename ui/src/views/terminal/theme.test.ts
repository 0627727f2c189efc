import { expect, test } from "vitest";
import { hexOf } from "./theme.ts";

test("colours as xterm.js reads them", () => {
  expect(hexOf("rgb(252, 251, 8)")).toBe("#fcfb08");
  expect(hexOf("rgba(0, 16, 255, 0.5)")).toBe("#0010ff");
});
