/**
 * Jupyter's widgets, inside a frame: models and views of @jupyter-widgets/base and controls, Output widgets of ours, and anywidget.
 *
 * The truth about a model is the session's; this frame has a copy as long as it is there. What is set here is shown at once and
 * sent; what comes back about it while more of it is on its way is kept until the kernel has handled all, so that who types is
 * not interrupted. Rules XS32 to XS39: docs/specs/outputs.md.
 */

import * as base from "@jupyter-widgets/base";
import baseSheet from "@jupyter-widgets/base/css/index.css?inline";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import * as controls from "@jupyter-widgets/controls";
import luminoSheet from "@jupyter-widgets/controls/css/lumino.css?inline";
import sliderSheet from "@jupyter-widgets/controls/css/nouislider.css?inline";
import controlsSheet from "@jupyter-widgets/controls/css/widgets-base.css?inline";
import { MessageLoop } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import iconSheet from "font-awesome/css/font-awesome.css?raw";
import iconFont from "font-awesome/fonts/fontawesome-webfont.woff2?inline";
import outputSheet from "../outputs.css?inline";
import { AnyModel, AnyView, allowed } from "./anywidget.ts";
import { begin, type Drawing, type Fields, isObject, say } from "./inside.ts";
import { OutputModel, OutputView } from "./outputwidget.tsx";
import widgetSheet from "./widgets.css?inline";

type Modules = Readonly<Record<string, Fields>>;

const MODULES: Modules = {
  "@jupyter-widgets/base": { ...base },
  "@jupyter-widgets/controls": { ...controls },
  "@jupyter-widgets/output": { OutputModel, OutputView },
  anywidget: { AnyModel, AnyView },
};

interface Buffer {
  readonly path: readonly (string | number)[];
  readonly data: Uint8Array;
  readonly text: boolean;
}

interface Model {
  readonly id: string;
  readonly data: Fields;
  readonly buffers: readonly Buffer[];
  readonly live: boolean;
}

/** What came for a key of which more of ours is on its way. */
interface Held {
  readonly value: unknown;
  readonly buffers: readonly Buffer[];
}

let may = false;
let lastSend = 0;
const waiting = new Map<number, () => void>();

/** One model's line to the session, as the libraries want it. */
class FrameComm implements base.IClassicComm {
  readonly target_name = "jupyter.widget";
  /** Keys of which something is on its way to the kernel, and how much. */
  readonly #sent = new Map<string, number>();
  readonly #held = new Map<string, Held>();
  #onMessage: (message: unknown) => void = () => undefined;
  #onClose: (message: unknown) => void = () => undefined;

  readonly comm_id: string;

  constructor(id: string) {
    this.comm_id = id;
  }

  open(): string {
    return "";
  }

  send(
    data: unknown,
    callbacks?: unknown,
    _metadata?: unknown,
    buffers?: readonly (ArrayBuffer | ArrayBufferView)[],
  ): string {
    const n = ++lastSend;
    const status = statusOf(callbacks);
    const keys =
      isObject(data) && data.method === "update" && isObject(data.state) ? Object.keys(data.state) : [];
    for (const key of keys) this.#sent.set(key, (this.#sent.get(key) ?? 0) + 1);
    waiting.set(n, () => {
      for (const key of keys) this.#sent.set(key, (this.#sent.get(key) ?? 1) - 1);
      // It may send what was kept back meanwhile.
      status?.({ content: { execution_state: "idle" }, parent_header: { msg_id: String(n) } });
      for (const key of keys) this.#release(key);
    });
    if (may) say({ carnet: "send", n, comm_id: this.comm_id, data, buffers: (buffers ?? []).map(bytesOf) });
    else setTimeout(() => handled(n));
    return String(n);
  }

  close(): string {
    return "";
  }

  on_msg(call: (message: unknown) => void): void {
    this.#onMessage = call;
  }

  on_close(call: (message: unknown) => void): void {
    this.#onClose = call;
  }

  change(data: Fields, buffers: readonly Buffer[]): void {
    const state: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(data)) {
      const own = buffers.filter(({ path }) => path[0] === key);
      if ((this.#sent.get(key) ?? 0) > 0) this.#held.set(key, { value, buffers: own });
      else state[key] = filled(key, value, own);
    }
    if (Object.keys(state).length > 0) this.#tell({ method: "update", state, buffer_paths: [] }, []);
  }

  custom(data: unknown, buffers: readonly Uint8Array[]): void {
    this.#tell(data, buffers.map(viewOf));
  }

  closed(): void {
    this.#onClose({});
  }

  #release(key: string): void {
    const held = this.#held.get(key);
    if (held === undefined || (this.#sent.get(key) ?? 0) > 0) return;
    this.#held.delete(key);
    this.change({ [key]: held.value }, held.buffers);
  }

  #tell(data: unknown, buffers: readonly DataView[]): void {
    this.#onMessage({ content: { comm_id: this.comm_id, data }, buffers, parent_header: {}, metadata: {} });
  }
}

class FrameManager extends ManagerBase {
  readonly comms = new Map<string, FrameComm>();

  async make({ id, data, buffers, live }: Model): Promise<void> {
    const state: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(data))
      state[key] = filled(
        key,
        value,
        buffers.filter(({ path }) => path[0] === key),
      );
    for (const { path } of buffers) {
      const [key] = path;
      if (typeof key === "string" && !(key in state))
        state[key] = filled(
          key,
          undefined,
          buffers.filter(one => one.path[0] === key),
        );
    }
    const options = {
      model_name: String(data._model_name),
      model_module: String(data._model_module),
      model_module_version: String(data._model_module_version),
      model_id: id,
    };
    if (!live) return void (await this.new_model(options, state));
    const comm = new FrameComm(id);
    this.comms.set(id, comm);
    await this.new_model({ ...options, comm }, state);
  }

  protected override async loadClass(name: string, module: string) {
    const found = MODULES[module]?.[name];
    if (!isClass(found)) throw new Error(`Carnet does not have the widgets of ${module}.`);
    return found;
  }

  protected override _create_comm(): Promise<never> {
    return Promise.reject(new Error("A widget's frame opens no comms."));
  }

  protected override async _get_comm_info(): Promise<object> {
    return {};
  }
}

const manager = new FrameManager();

async function draw({ value, more }: Drawing, box: HTMLElement): Promise<void> {
  const root = isObject(value) && typeof value.model_id === "string" ? value.model_id : "";
  may = more.may === true;
  allowed.scripts = more.scripts === true;
  const models = modelsOf(more.models);
  const about = models.find(one => one.id === root);
  if (about === undefined) throw new Error("its model is gone.");
  for (const name of ["_model_module", "_view_module"]) {
    const module = about.data[name];
    if (typeof module === "string" && module !== "" && MODULES[module] === undefined)
      throw new Error(`Carnet does not have the widgets of ${module}.`);
  }
  // All begin before one is waited for: they name each other.
  await Promise.all(models.map(model => manager.make(model).catch(() => undefined)));
  const view = await manager.create_view(await manager.get_model(root));
  if (!(view instanceof base.DOMWidgetView)) throw new Error("it has no view.");
  const set = document.createElement("fieldset");
  set.className = "widgets";
  set.disabled = !may;
  box.replaceChildren(set);
  Widget.attach(view.luminoWidget, set);
  const resize = () => MessageLoop.sendMessage(view.luminoWidget, Widget.ResizeMessage.UnknownSize);
  resize();
  addEventListener("resize", resize);
  if (!may) {
    for (const kind of ["pointerdown", "mousedown", "touchstart", "keydown", "wheel"])
      set.addEventListener(kind, keepStill, { capture: true });
  }
}

/** What is no field by itself, and can be moved: it stays where it is. */
function keepStill(event: Event): void {
  const isSlider =
    event.target instanceof Element &&
    event.target.closest(".noUi-target, .jupyter-widget-controller") !== null;
  const isTab = event instanceof KeyboardEvent && event.key === "Tab";
  if (!isSlider || isTab) return;
  event.stopPropagation();
  event.preventDefault();
}

let queue = Promise.resolve();
addEventListener("message", event => {
  if (event.source !== parent || !isObject(event.data)) return;
  const { data } = event;
  queue = queue.then(() => hear(data)).catch(() => undefined);
});

async function hear(data: Fields): Promise<void> {
  switch (data.carnet) {
    case "models":
      await Promise.all(modelsOf(data.models).map(model => manager.make(model).catch(() => undefined)));
      return;
    case "change":
      if (typeof data.id === "string" && isObject(data.data))
        manager.comms.get(data.id)?.change(data.data, buffersOf(data.buffers));
      return;
    case "tell":
      if (typeof data.id === "string")
        manager.comms
          .get(data.id)
          ?.custom(
            data.data,
            Array.isArray(data.buffers) ? data.buffers.filter(one => one instanceof Uint8Array) : [],
          );
      return;
    case "handled":
      if (typeof data.n === "number") handled(data.n);
  }
}

function handled(n: number): void {
  const done = waiting.get(n);
  waiting.delete(n);
  done?.();
}

function modelsOf(value: unknown): readonly Model[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap(one =>
    isObject(one) && typeof one.id === "string" && isObject(one.data)
      ? [{ id: one.id, data: one.data, buffers: buffersOf(one.buffers), live: one.live === true }]
      : [],
  );
}

function buffersOf(value: unknown): readonly Buffer[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap(one =>
    isObject(one) && Array.isArray(one.path) && one.data instanceof Uint8Array
      ? [{ path: one.path, data: one.data, text: one.text === true }]
      : [],
  );
}

/** A key's value with its buffers where they belong. */
function filled(key: string, value: unknown, buffers: readonly Buffer[]): unknown {
  if (buffers.length === 0) return value;
  const holder: Record<string | number, unknown> = { [key]: structuredClone(value) };
  for (const { path, data, text } of buffers) {
    let at: Record<string | number, unknown> = holder;
    for (const part of path.slice(0, -1)) {
      const next = at[part];
      if (!isRecord(next)) break;
      at = next;
    }
    at[path.at(-1) ?? key] = text ? new TextDecoder().decode(data) : viewOf(data);
  }
  return holder[key];
}

function isRecord(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}

function viewOf(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength);
}

function bytesOf(buffer: ArrayBuffer | ArrayBufferView): Uint8Array {
  const view = ArrayBuffer.isView(buffer)
    ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    : new Uint8Array(buffer);
  return view.slice();
}

function statusOf(callbacks: unknown): ((message: unknown) => void) | undefined {
  const status = isObject(callbacks) && isObject(callbacks.iopub) ? callbacks.iopub.status : undefined;
  return typeof status === "function" ? message => status(message) : undefined;
}

function isClass(value: unknown): value is typeof base.WidgetModel {
  return typeof value === "function";
}

const font = `@font-face{font-family:FontAwesome;src:url(${iconFont}) format("woff2")}`;
const icons = font + iconSheet.replace(/@font-face\s*\{[^}]*\}/, "");
for (const text of [luminoSheet, baseSheet, controlsSheet, sliderSheet, icons, outputSheet, widgetSheet]) {
  const sheet = document.createElement("style");
  sheet.textContent = text;
  document.head.append(sheet);
}
begin(draw);
