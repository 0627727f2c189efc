/** Where we are: the mark, then each folder as a link. The last part is a heading, or what the caller makes of it. */

import type { ComponentChildren } from "preact";
import { addressOf } from "./places.ts";
import "./bar.css";

export function Breadcrumb(props: {
  readonly base: string;
  /** Folders; each a link. The last one is where we are, when there are no children. */
  readonly path: string;
  readonly children?: ComponentChildren;
}) {
  const parts = props.path.split("/").filter(part => part !== "");
  const here = props.children === undefined;
  return (
    <nav class="crumbs" aria-label="Folders">
      <a
        class="brand"
        href={addressOf(props.base, "tree", "")}
        aria-label="Carnet, all files"
        data-tip="All files"
      >
        <Brand />
        {parts.length === 0 && here && <span>Carnet</span>}
      </a>
      {parts.map((part, index) => {
        const path = parts.slice(0, index + 1).join("/");
        const last = here && index === parts.length - 1;
        return (
          <span key={path} class="crumb" data-last={last ? "" : undefined}>
            <a href={addressOf(props.base, "tree", path)} aria-current={last ? "page" : undefined}>
              {part}
            </a>
            {!last && <i aria-hidden="true">/</i>}
          </span>
        );
      })}
      {props.children}
    </nav>
  );
}

/** A notebook's cover with its elastic band. */
export function Brand() {
  return (
    <svg class="brand-shape" viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path
        d="M6.5 2.5h10a2 2 0 0 1 2 2v15a2 2 0 0 1-2 2h-10a1 1 0 0 1-1-1v-17a1 1 0 0 1 1-1Z"
        fill="var(--accent)"
      />
      <path d="M15 2.5v19" stroke="var(--paper)" stroke-width="1.6" />
      <path d="M8.2 7h4.2M8.2 9.8h3" stroke="var(--paper)" stroke-width="1.4" stroke-linecap="round" />
    </svg>
  );
}
