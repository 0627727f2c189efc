/**
 * What happened, spoken politely. One live region for the page; a message is said once, in order.
 * There are no toasts: what matters also stands somewhere as a line.
 */

import { signal } from "@preact/signals";

/** Two messages that are alike differ by a trailing space, or the second would not be spoken. */
const message = signal("");

export function announce(text: string): void {
  message.value = message.peek() === text ? `${text} ` : text;
}

export function LiveRegion() {
  return (
    <div class="spoken" role="status" aria-live="polite">
      {message.value}
    </div>
  );
}
