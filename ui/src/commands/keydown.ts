/** The browser's keydown, for the commands: the only place where commands meet the DOM. */

import type { Command, CommandContext } from "./command.ts";
import { KeyMatcher, type Place, strokeOf } from "./keys.ts";

export const IS_MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");

export interface KeydownOptions<Context> {
  readonly commands: readonly Command<Context>[];
  readonly context: () => Context;
  readonly nowMs: () => number;
  /** Whether single letters act: a setting. */
  readonly plainKeys: () => boolean;
}

/** Return the handler for the document's keydown, and for editors' `onKey`; true: handled, do nothing else. */
export function makeKeydown<Context = CommandContext>(
  options: KeydownOptions<Context>,
): (event: KeyboardEvent) => boolean {
  const matcher = new KeyMatcher(options.commands, IS_MAC);
  return event => {
    if (event.defaultPrevented) return false;
    const stroke = strokeOf(event);
    if (stroke === null) return false;
    const match = matcher.match(stroke, placeOf(event.target), options.nowMs(), options.plainKeys());
    if (match.kind === "none") return false;
    if (match.kind === "commands") {
      const context = options.context();
      const found = match.commands.find(command => command.when(context));
      if (found === undefined) return false;
      if (found.repeats || !event.repeat) found.run(context);
    }
    event.preventDefault();
    return true;
  };
}

/** Cells carry `data-cell`; whatever has keys of its own is a field, or says `data-keys="own"`. */
export function placeOf(target: EventTarget | null): Place {
  if (!(target instanceof Element)) return "cell";
  if (target.closest(".cm-content") !== null) return "editor";
  if (
    target.closest(
      "input, textarea, select, iframe, dialog, [role=menu], [data-keys=own], [contenteditable=true]",
    )
  ) {
    return "field";
  }
  if (target.closest("[data-cell]") === null) return target === document.body ? "cell" : "page";
  // A button or link in a cell keeps what presses it, but letters act on the cell.
  return "cell";
}
