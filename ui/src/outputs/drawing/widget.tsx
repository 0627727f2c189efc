/** A widget, live: its view in a frame, its model in the session. Without a kernel it stands as the file left it. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { CellId, Comm, CommId, Json } from "../../core/wire.ts";
import { ForeignNote } from "../html.tsx";
import { useNearNow } from "../near.ts";
import { type OutputSettings, useOutputSettings, type WidgetHost } from "../settings.ts";
import { PlainText } from "../text.tsx";
import { WidgetFeed } from "./feed.ts";
import { DrawingFrame } from "./frame.tsx";
import { scriptsOf } from "./library.ts";
import { modelIdOf, modelsFor } from "./models.ts";
import { savedModels } from "./saved.ts";
import type { DrawingSays } from "./says.ts";

/** A slider in a line; most are one. */
const FIRST_HEIGHT_PX = 48;
const seenHeights = new Map<CommId, number>();
const SEEN_LIMIT = 1000;

interface WidgetProps {
  readonly view: Json;
  readonly text: string;
  readonly cellId: CellId | null;
  readonly foreign: boolean;
}

/** How the model stands: a frame is made anew when this changes. */
type Standing = "live" | "ended" | "saved" | "gone";

export function Widget(props: WidgetProps) {
  const settings = useOutputSettings();
  const { widgets } = settings;
  const id = modelIdOf(props.view);
  if (widgets === undefined || id === undefined) return <Gone text={props.text} />;
  return <Shown {...props} id={id} host={widgets} settings={settings} />;
}

function Shown(
  props: WidgetProps & { readonly id: CommId; readonly host: WidgetHost; readonly settings: OutputSettings },
) {
  const { id, host, foreign, settings, cellId } = props;
  const box = useRef<HTMLDivElement>(null);
  const near = useNearNow(box);
  const [turn, setTurn] = useState(0);
  const comm = host.comm(id);
  const may = host.mayRun.value;
  const saved = useMemo(
    () => (comm === undefined ? savedModels(host.saved.value) : undefined),
    [comm, host.saved.value],
  );
  const standing = standingOf(comm, saved?.has(id) === true);
  const [height, setHeight] = useState(seenHeights.get(id) ?? FIRST_HEIGHT_PX);
  const [problem, setProblem] = useState<string>();
  const feed = useRef<WidgetFeed>(undefined);

  // What changes how it stands: a model that comes, goes, or outlives its kernel; and a session that came anew.
  useEffect(
    () =>
      host.onComm(operation => {
        if (
          operation === null ||
          operation.op === "set-kernel" ||
          (operation.op === "open-comm" && operation.comm_id === id) ||
          (operation.op === "close-comms" && operation.comm_ids.includes(id))
        )
          setTurn(before => before + 1);
      }),
    [host, id],
  );

  const onSays = (says: DrawingSays) => {
    switch (says.kind) {
      case "height":
        if (seenHeights.size >= SEEN_LIMIT) seenHeights.clear();
        seenHeights.set(id, says.px);
        return setHeight(says.px);
      case "drawn":
        return setProblem(undefined);
      case "failed":
        return setProblem(says.why);
      case "send":
        return feed.current?.send(says);
    }
  };
  const onStarted = (post: (message: Readonly<Record<string, unknown>>) => void) => {
    const made = new WidgetFeed({
      root: id,
      cellId,
      host: saved === undefined ? host : fromFile(host, saved, !foreign),
      blobUrl: settings.blobUrl,
      post,
      anew: () => setTurn(before => before + 1),
    });
    feed.current = made;
    return () => {
      made.end();
      if (feed.current === made) feed.current = undefined;
    };
  };

  if (standing === "gone") return <Gone text={props.text} />;
  return (
    <div ref={box} class="output-widget" data-standing={standing}>
      {near ? (
        <DrawingFrame
          key={`${standing}:${turn}:${may}:${foreign}`}
          scripts={() => scriptsOf("widgets")}
          onStarted={onStarted}
          label="Widget"
          height={problem === undefined ? height : 0}
          remote={false}
          onSays={onSays}
        />
      ) : (
        <div class="output-room" style={{ height: `${height}px` }} />
      )}
      {problem !== undefined && (
        <>
          {props.text !== "" && <PlainText text={props.text} />}
          <p class="output-note">This widget cannot be drawn: {problem}</p>
        </>
      )}
      <Note standing={standing} may={may} />
      {standing === "saved" && foreign && hasScripts(saved, id) && (
        <ForeignNote what="The script of this widget did not run" />
      )}
    </div>
  );
}

function standingOf(comm: Comm | undefined, isSaved: boolean): Standing {
  if (comm !== undefined) return comm.live ? "live" : "ended";
  return isSaved ? "saved" : "gone";
}

function Note({ standing, may }: { readonly standing: Standing; readonly may: boolean }) {
  switch (standing) {
    case "live":
      return may ? null : (
        <p class="output-note">You may look at this widget; moving it needs the right to run code.</p>
      );
    case "ended":
      return <p class="output-note">Not live: its kernel has ended. Run the cell again to use it.</p>;
    case "saved":
      return <p class="output-note">Not live: this is how the file has it. Run the cell to use it.</p>;
    case "gone":
      return null;
  }
}

function Gone({ text }: { readonly text: string }) {
  return (
    <div>
      {text !== "" && <PlainText text={text} />}
      <p class="output-note">
        This widget is gone with its kernel, and the file has no picture of it. Run the cell again.
      </p>
    </div>
  );
}

/** The same, with the models that a file holds. Nothing comes from there and nothing can be sent. */
function fromFile(host: WidgetHost, saved: ReadonlyMap<CommId, Comm>, mayRunScripts: boolean): WidgetHost {
  return {
    ...host,
    comm: id => saved.get(id),
    all: () => saved,
    onComm: () => () => undefined,
    mayRunScripts,
  };
}

function hasScripts(saved: ReadonlyMap<CommId, Comm> | undefined, id: CommId): boolean {
  if (saved === undefined) return false;
  return [...modelsFor(id, saved)].some(one => saved.get(one)?.data._model_module === "anywidget");
}
