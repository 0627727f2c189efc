/** Which models a widget's frame needs: those that its own names, and links between them. Pure. */

import type { Comm, CommId, Json } from "../../core/wire.ts";

const PREFIX = "IPY_MODEL_";
const VIEW = "application/vnd.jupyter.widget-view+json";
/** Numbers in a row name nothing. */
const MOST_ITEMS = 10_000;
const MOST_DEPTH = 200;

/** The models that a state, or a part of it, names. */
export function namesOf(
  value: Json | undefined,
  found: Set<CommId> = new Set(),
  depth = 0,
): ReadonlySet<CommId> {
  if (depth > MOST_DEPTH) return found;
  if (typeof value === "string") {
    if (value.startsWith(PREFIX)) found.add(value.slice(PREFIX.length));
  } else if (isList(value)) {
    for (const one of value.slice(0, MOST_ITEMS)) namesOf(one, found, depth + 1);
  } else if (typeof value === "object" && value !== null && !isList(value)) {
    for (const [key, inner] of Object.entries(value)) {
      const id = key === VIEW ? modelIdOf(inner) : undefined;
      if (id !== undefined) found.add(id);
      else namesOf(inner, found, depth + 1);
    }
  }
  return found;
}

/** The model that a view shows. */
export function modelIdOf(view: Json | undefined): CommId | undefined {
  if (typeof view !== "object" || view === null || isList(view)) return undefined;
  return typeof view.model_id === "string" ? view.model_id : undefined;
}

/**
 * The models that a frame needs to show this one: what it names, what those name, and links that begin or end there
 * (`jslink`), with their other ends: no model names its links.
 */
export function modelsFor(root: CommId, all: ReadonlyMap<CommId, Comm>): ReadonlySet<CommId> {
  const needed = new Set<CommId>();
  const add = (id: CommId) => {
    const comm = all.get(id);
    if (comm === undefined || needed.has(id)) return;
    needed.add(id);
    for (const named of namesOf(comm.data)) add(named);
  };
  add(root);
  if (needed.size === 0) return needed;
  const links = [...all].filter(([, { data }]) => isLink(data._model_name));
  for (let before = -1; before !== needed.size; ) {
    before = needed.size;
    for (const [id, { data }] of links) if ([...namesOf(data)].some(end => needed.has(end))) add(id);
  }
  return needed;
}

function isLink(name: Json | undefined): boolean {
  return name === "LinkModel" || name === "DirectionalLinkModel";
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
