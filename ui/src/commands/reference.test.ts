import { expect, test } from "vitest";
import page from "../../../docs/reference/keyboard.md?raw";
import { keyboardPage } from "./reference.ts";

test("the keyboard's reference page says what the commands say", () => {
  expect(page).toBe(keyboardPage());
});
