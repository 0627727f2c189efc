/** Chunks that come when something needs them, and are there at once from then on. */

import { type ReadonlySignal, signal } from "@preact/signals";

export interface Lazy<T> {
  /** The module, or undefined while it comes. Asking starts it. */
  readonly value: T | undefined;
  /** Why it did not come; asking again after `retry` tries again. */
  readonly problem: ReadonlySignal<string>;
  retry(): void;
}

export function lazy<T>(load: () => Promise<T>): Lazy<T> {
  const loaded = signal<{ readonly module: T } | undefined>(undefined);
  const problem = signal("");
  let asked = false;
  const start = () => {
    if (asked) return;
    asked = true;
    load().then(
      module => {
        loaded.value = { module };
      },
      () => {
        problem.value = "A part of the page did not load.";
      },
    );
  };
  return {
    get value() {
      start();
      return loaded.value?.module;
    },
    problem,
    retry() {
      asked = false;
      problem.value = "";
      start();
    },
  };
}
