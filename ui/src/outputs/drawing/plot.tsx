/** A plot by its MIME type, live: Plotly, Vega, Vega-Lite. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Json } from "../../core/wire.ts";
import { ForeignNote } from "../html.tsx";
import { ImageData } from "../image.tsx";
import type { Bundle } from "../mime.ts";
import { useNearNow } from "../near.ts";
import { useOutputSettings } from "../settings.ts";
import { DrawingFrame } from "./frame.tsx";
import { mapsOf, scriptsOf } from "./library.ts";
import { needsOf, type PlotNeeds } from "./plots.ts";
import type { DrawingSays } from "./says.ts";

export interface PlotProps {
  readonly mime: string;
  readonly value: Json;
  readonly bundle: Bundle;
  readonly foreign: boolean;
}

/** Plots seen before: how high they were, so that scrolling back does not move the page, and how they were turned. */
const seen = new Map<string, { height: number; view?: string }>();
const SEEN_LIMIT = 500;

export function Plot({ mime, value, bundle, foreign }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const hasFrame = useNearNow(box);
  const needs = useMemo(() => needsOf(mime, value), [mime, value]);
  const key = useMemo(() => keyOf(mime, value), [mime, value]);
  const [height, setHeight] = useState(seen.get(key)?.height ?? needs.height_px);
  const [remote, setRemote] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [isDrawn, setDrawn] = useState(false);
  const files = useFiles(needs, foreign, hasFrame);
  const message = useMemo(
    () => ({ carnet: "draw", mime, value, files, remote, view: hasFrame ? seen.get(key)?.view : undefined }),
    [mime, value, files, remote, key, hasFrame],
  );
  useEffect(() => {
    if (!hasFrame) setDrawn(false);
  }, [hasFrame]);
  const onSays = (says: DrawingSays) => {
    switch (says.kind) {
      case "height":
        if (seen.size >= SEEN_LIMIT) seen.clear();
        seen.set(key, { ...seen.get(key), height: says.px });
        return setHeight(says.px);
      case "view":
        seen.set(key, { height, view: says.view });
        return;
      case "drawn":
        setProblem(undefined);
        return setDrawn(true);
      case "failed":
        setProblem(says.why);
        return setDrawn(true);
    }
  };
  return (
    <div ref={box} class="output-plot" aria-busy={hasFrame && !isDrawn}>
      {needs.hosts.length > 0 && !remote && (
        <p class="output-note">
          This plot wants to load from {needs.hosts.join(", ")}.{" "}
          <button type="button" class="button" data-kind="link" onClick={() => setRemote(true)}>
            Let it
          </button>
        </p>
      )}
      {foreign && needs.files.length > 0 && <ForeignNote what="Files that this plot names were not read" />}
      {problem !== undefined && <Problem why={problem} bundle={bundle} description={needs.description} />}
      {hasFrame && files !== undefined ? (
        <DrawingFrame
          key={`${needs.library}:${remote}`}
          scripts={() => scriptsOf(needs.library)}
          message={message}
          label={needs.description}
          height={problem === undefined ? height : 0}
          remote={remote}
          onSays={onSays}
        />
      ) : (
        <div
          class="output-room"
          style={{ height: `${height}px` }}
          role="img"
          aria-label={needs.description}
        />
      )}
    </div>
  );
}

function Problem(props: { readonly why: string; readonly bundle: Bundle; readonly description: string }) {
  const picture = props.bundle.data["image/png"];
  return (
    <>
      <p class="output-note">This plot cannot be drawn: {props.why}</p>
      {picture !== undefined && (
        <ImageData
          mime="image/png"
          value={picture}
          metadata={props.bundle.metadata}
          alt={props.description}
        />
      )}
    </>
  );
}

/** Files that a plot names, and outlines of countries; undefined while they come. Those that do not come are left out. */
function useFiles(
  needs: PlotNeeds,
  foreign: boolean,
  wanted: boolean,
): ReadonlyMap<string, string> | undefined {
  const { fileUrl } = useOutputSettings();
  const [files, setFiles] = useState<ReadonlyMap<string, string> | undefined>(
    needs.maps.length === 0 && needs.files.length === 0 ? new Map() : undefined,
  );
  useEffect(() => {
    if (!wanted || (needs.maps.length === 0 && needs.files.length === 0)) return;
    const abort = new AbortController();
    // A document of strangers is not handed files of this folder, not even inside a frame that reaches nobody.
    const own = foreign ? [] : needs.files;
    const texts = own.map(async (address): Promise<readonly (readonly [string, string])[]> => {
      const response = await fetch(fileUrl(address), { credentials: "same-origin", signal: abort.signal });
      return response.ok ? [[address, await response.text()]] : [];
    });
    Promise.all([mapsOf(needs.maps), ...texts].map(one => one.catch(() => []))).then(all => {
      if (!abort.signal.aborted) setFiles(new Map(all.flat()));
    });
    return () => abort.abort();
  }, [needs, foreign, wanted, fileUrl]);
  return files;
}

function keyOf(mime: string, value: Json): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return `${mime}:${text.length}:${text.slice(0, 200)}:${text.slice(-200)}`;
}
