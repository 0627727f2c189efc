/** The keyboard's reference page, made from the commands. Nothing in the page imports it. */

import { COMMANDS } from "./all.ts";
import type { Command } from "./command.ts";
import { keyLabel } from "./keys.ts";
import { TERMINAL_COMMANDS } from "./terminal.ts";

const PLACES: readonly (readonly [Command["mode"], string, string])[] = [
  [
    "both",
    "Everywhere",
    "While a cell is selected or edited. Single letters act only while a cell is selected.",
  ],
  ["command", "While cells are selected", "Press Esc or Ctrl+M to come here from an editor."],
  [
    "edit",
    "While a cell is edited",
    "Press Enter to come here. Keys that are not listed are the editor's own.",
  ],
];

/** Return docs/reference/keyboard.md. */
export function keyboardPage(): string {
  const parts = PLACES.map(([mode, title, text]) => {
    const rows = COMMANDS.filter(command => command.mode === mode).flatMap(rowOf);
    return `## ${title}\n\n${text}\n\n| keys | does | command |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
  });
  parts.push(
    `## In a terminal\n\nAll other keys are the shell's. Ctrl+C copies where something is selected, and interrupts where nothing is. Ctrl+V pastes, unless that is switched off in the menu View; Ctrl+Shift+V always does.\n\n| keys | does | command |\n| --- | --- | --- |\n${TERMINAL_COMMANDS.flatMap(rowOf).join("\n")}\n`,
  );
  return `# Keyboard\n\nOn a Mac, Cmd stands for Ctrl where both would do. Letters are those that your layout produces.\n\n${parts.join("\n")}`;
}

function rowOf(command: Pick<Command, "id" | "label" | "keys" | "editorKeys">): readonly string[] {
  const keys = [...command.keys, ...command.editorKeys];
  if (keys.length === 0) return [];
  const labels = keys.map(key => `\`${keyLabel(key, false)}\``).join(" ");
  return [`| ${labels} | ${command.label.replace(/…$/, "")} | \`${command.id}\` |`];
}
