/**
 * anywidget's widgets: a model whose state holds its own module (`_esm`) and style sheet (`_css`).
 *
 * As https://anywidget.dev/en/afm/ says: `initialize({model, experimental})` once for each model, `render({model, el,
 * experimental})` for each view; either may return what is to be called at the end.
 */

import { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";
import { type Fields, isObject } from "./inside.ts";

type Call = (...given: readonly unknown[]) => unknown;

interface Parts {
  readonly initialize: Call | undefined;
  readonly render: Call | undefined;
}

/** A module that came with a file runs only when the notebook is trusted. */
export const allowed = { scripts: true };

const modules = new WeakMap<DOMWidgetModel, Promise<Parts>>();

export class AnyModel extends DOMWidgetModel {}

export class AnyView extends DOMWidgetView {
  #end: Call | undefined;

  override async render(): Promise<void> {
    super.render();
    try {
      if (!allowed.scripts)
        throw new Error("The script of this widget came with the file. Trust the notebook to run it.");
      addSheet(this.model);
      const { render } = await partsOf(this.model);
      if (render === undefined) throw new Error("This widget has no `render`.");
      this.#end = endOf(await render({ ...contextOf(this.model), el: this.el }));
    } catch (error) {
      const says = document.createElement("p");
      says.className = "widget-note";
      says.textContent = `This widget cannot be drawn: ${error instanceof Error ? error.message : String(error)}`;
      this.el.append(says);
    }
  }

  override remove(): unknown {
    this.#end?.();
    return super.remove();
  }
}

function partsOf(model: DOMWidgetModel): Promise<Parts> {
  let parts = modules.get(model);
  if (parts === undefined) {
    parts = load(model);
    modules.set(model, parts);
  }
  return parts;
}

async function load(model: DOMWidgetModel): Promise<Parts> {
  const source = String(model.get("_esm") ?? "");
  if (/^https?:/.test(source))
    throw new Error(`its module is on another host, ${source}, which its frame does not reach.`);
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    const module: unknown = await import(/* @vite-ignore */ address);
    const widget = await widgetOf(module);
    const parts = { initialize: callOf(widget.initialize), render: callOf(widget.render) };
    const end = endOf(await parts.initialize?.(contextOf(model)));
    if (end !== undefined) model.on("destroy", () => end());
    return parts;
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** The default export, or what it makes; modules of old export `render` by itself. */
async function widgetOf(module: unknown): Promise<Fields> {
  const exported = isObject(module) ? module.default : undefined;
  const made = callOf(exported) === undefined ? exported : await callOf(exported)?.();
  if (isObject(made)) return made;
  return isObject(module) ? module : {};
}

/** What a module sees of its model. Listeners of one context are its own. */
function contextOf(model: DOMWidgetModel) {
  const context = {};
  return {
    model: {
      get: (name: string) => model.get(name),
      set: (name: string, value: unknown) => void model.set(name, value),
      save_changes: () => model.save_changes(),
      on: (name: string, call: Call) => void model.on(name, call, context),
      off: (name?: string | null, call?: Call | null) =>
        void model.off(name ?? undefined, call ?? undefined, context),
      send: (content: never, callbacks?: never, buffers?: never) => model.send(content, callbacks, buffers),
      widget_manager: { get_model: (id: string) => model.widget_manager.get_model(id) },
    },
    experimental: {
      invoke: (name: string, message: unknown, options: unknown) => invoke(model, name, message, options),
    },
  };
}

/** Ask the kernel's half to call one of its commands (`anywidget.experimental.command`). */
function invoke(
  model: DOMWidgetModel,
  name: string,
  message: unknown,
  options: unknown,
): Promise<readonly unknown[]> {
  const id = crypto.randomUUID();
  const given = isObject(options) ? options : {};
  const buffers = Array.isArray(given.buffers) ? given.buffers : [];
  const signal = given.signal instanceof AbortSignal ? given.signal : AbortSignal.timeout(3000);
  return new Promise((resolve, reject) => {
    const hear = (answer: unknown, received: unknown) => {
      if (!isObject(answer) || answer.id !== id) return;
      model.off("msg:custom", hear);
      resolve([answer.response, received]);
    };
    signal.addEventListener("abort", () => {
      model.off("msg:custom", hear);
      reject(signal.reason);
    });
    model.on("msg:custom", hear);
    model.send({ id, kind: "anywidget-command", name, msg: jsonOf(message) }, undefined, buffers);
  });
}

function jsonOf(value: unknown) {
  return JSON.parse(JSON.stringify(value ?? null));
}

function addSheet(model: DOMWidgetModel): void {
  const css = model.get("_css");
  const id = `css-${String(model.get("_anywidget_id") ?? model.model_id)}`;
  if (typeof css !== "string" || css === "" || document.getElementById(id) !== null) return;
  const sheet = document.createElement("style");
  sheet.id = id;
  sheet.textContent = css;
  document.head.append(sheet);
}

function callOf(value: unknown): Call | undefined {
  return typeof value === "function" ? (...given) => value(...given) : undefined;
}

function endOf(value: unknown): Call | undefined {
  return callOf(value);
}
