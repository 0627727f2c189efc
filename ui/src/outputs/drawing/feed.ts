/**
 * What goes between a widget's frame and the session: the models that the frame needs, what happens to them, in order, and
 * what is set in the frame.
 *
 * Each frame has one. It holds nothing that the session does not: a frame that goes and comes again gets all anew.
 */

import type { CommOperation } from "../../core/comms.ts";
import type { CellId, Comm, CommBuffer, CommId, Json } from "../../core/wire.ts";
import type { WidgetHost } from "../settings.ts";
import { modelsFor, namesOf } from "./models.ts";
import type { SendSays } from "./says.ts";

/** Larger buffers go to the server as blobs first. */
const INLINE_BYTES = 128 * 1024;

export interface FeedOptions {
  readonly root: CommId;
  readonly cellId: CellId | null;
  readonly host: WidgetHost;
  blobUrl(blob: NonNullable<CommBuffer["blob"]>): string;
  post(message: Readonly<Record<string, unknown>>): void;
  /** All is to be drawn anew: the session came anew, or the model did. */
  anew(): void;
}

export class WidgetFeed {
  readonly #options: FeedOptions;
  readonly #models = new Set<CommId>();
  readonly #stop: () => void;
  #queue: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#stop = options.host.onComm(operation => this.#hear(operation));
    this.#then(() => this.#sendModels("draw"));
  }

  end(): void {
    this.#isOver = true;
    this.#stop();
  }

  /** Something was set or pressed in the frame. */
  send(says: SendSays): void {
    const { host, post, cellId } = this.#options;
    const done = () => {
      if (!this.#isOver) this.#then(async () => post({ carnet: "handled", n: says.n }));
    };
    if (!this.#models.has(says.comm_id) || !host.mayRun.peek()) {
      done();
      return;
    }
    const { buffer_paths, ...data } = says.data;
    const paths = Array.isArray(buffer_paths) ? buffer_paths : [];
    Promise.all(says.buffers.map((bytes, index) => this.#bufferOf(bytes, pathOf(paths[index]))))
      .then(buffers =>
        host.send({
          comm_id: says.comm_id,
          data,
          buffers,
          message: "comm_msg",
          target: "",
          cell_id: cellId,
        }),
      )
      .then(done, done);
  }

  async #bufferOf(bytes: Uint8Array, path: readonly (string | number)[]): Promise<CommBuffer> {
    if (bytes.length <= INLINE_BYTES) return { path, data: bytes, blob: null, text: false };
    return { path, data: new Uint8Array(), blob: await this.#options.host.putBlob(bytes), text: false };
  }

  #hear(operation: CommOperation | null): void {
    const { root, anew } = this.#options;
    switch (operation?.op) {
      case undefined:
      case "set-kernel":
        anew();
        return;
      case "open-comm":
        if (operation.comm_id === root || this.#models.has(operation.comm_id)) anew();
        // A link between two that are here.
        else if ([...namesOf(operation.comm.data)].some(id => this.#models.has(id)))
          this.#then(() => this.#sendModels("models"));
        return;
      case "close-comms":
        if (operation.comm_ids.includes(root)) anew();
        return;
      case "change-comm":
        this.#change(operation.comm_id, operation.data, operation.buffers);
        return;
      case "write-comm":
      case "show-in-comm":
      case "clear-comm":
        this.#changeOutputs(operation.comm_id);
        return;
      case "tell-comm":
        this.#tell(operation.comm_id, operation.data, operation.buffers);
        return;
      case "comm-sent":
      case "comm-handled":
        return;
    }
  }

  #tell(id: CommId, data: Readonly<Record<string, Json>>, buffers: readonly CommBuffer[]): void {
    if (!this.#models.has(id)) return;
    this.#then(async () => {
      const fetched = await this.#fetched(buffers);
      this.#options.post({ carnet: "tell", id, data, buffers: fetched.map(one => one.data) });
    });
  }

  #change(id: CommId, data: Readonly<Record<string, Json>>, buffers: readonly CommBuffer[]): void {
    if (!this.#models.has(id)) return;
    const isNew = [...namesOf(data)].some(named => !this.#models.has(named));
    this.#then(async () => {
      if (isNew) await this.#sendModels("models");
      this.#options.post({ carnet: "change", id, data, buffers: await this.#fetched(buffers) });
    });
  }

  /** Lines come by the hundred; the last word on them is in the session. */
  readonly #outputsAsked = new Set<CommId>();
  #changeOutputs(id: CommId): void {
    if (!this.#models.has(id) || this.#outputsAsked.has(id)) return;
    this.#outputsAsked.add(id);
    this.#then(async () => {
      await new Promise(requestAnimationFrame);
      this.#outputsAsked.delete(id);
      const comm = this.#options.host.comm(id);
      if (comm === undefined) return;
      if ([...namesOf(comm.data)].some(named => !this.#models.has(named))) await this.#sendModels("models");
      const buffers = comm.buffers.filter(({ path }) => path[0] === "outputs");
      this.#options.post({
        carnet: "change",
        id,
        data: { outputs: comm.data.outputs ?? [] },
        buffers: await this.#fetched(buffers),
      });
    });
  }

  /** `draw`: all that the frame needs; `models`: those that it does not have yet. */
  async #sendModels(kind: "draw" | "models"): Promise<void> {
    const { host, root, post } = this.#options;
    const all = host.all();
    const fresh = [...modelsFor(root, all)].filter(id => !this.#models.has(id));
    const models = await Promise.all(
      fresh.map(async id => {
        this.#models.add(id);
        const comm = all.get(id);
        return comm === undefined ? [] : [{ id, ...(await this.#messageOf(comm)) }];
      }),
    );
    post({
      carnet: kind,
      mime: "application/vnd.jupyter.widget-view+json",
      value: { model_id: root },
      models: models.flat(),
      may: host.mayRun.peek() && host.comm(root)?.live === true,
      scripts: host.mayRunScripts,
    });
  }

  async #messageOf({ data, buffers, live }: Comm) {
    return { data, live, buffers: await this.#fetched(buffers) };
  }

  #fetched(buffers: readonly CommBuffer[]) {
    return Promise.all(
      buffers.map(async ({ path, data, blob, text }) => {
        if (blob === null) return { path, data, text };
        const response = await fetch(this.#options.blobUrl(blob), { credentials: "same-origin" });
        if (!response.ok) throw new Error(`The server answered ${response.status}.`);
        return { path, data: new Uint8Array(await response.arrayBuffer()), text };
      }),
    );
  }

  /** One after another: what needs a blob holds up what comes after it. */
  #then(act: () => Promise<void>): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#isOver) return;
      try {
        await act();
      } catch {
        // A blob did not come: the next change of the same key mends it, and a frame that comes anew.
      }
    });
  }
}

function pathOf(path: unknown): readonly (string | number)[] {
  if (!Array.isArray(path)) return [];
  return path.filter(part => typeof part === "string" || typeof part === "number");
}
