/** Output widgets: what a kernel prints and shows while one captures, drawn as outputs are, inside the widget's frame. */

import { DOMWidgetModel, DOMWidgetView, type WidgetModel } from "@jupyter-widgets/base";
import { MessageLoop } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import { render as draw } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Json } from "../../core/wire.ts";
import { ErrorView } from "../error.tsx";
import tableSheet from "../html.css?inline";
import { ImageData, SvgImage } from "../image.tsx";
import { JsonTree } from "../json.tsx";
import { renderMarkdown } from "../markdown.ts";
import { type Bundle, chooseMime, textOf } from "../mime.ts";
import { SHEET, sanitiseOutput } from "../sanitise.ts";
import { type OutputSettings, OutputSettingsContext } from "../settings.ts";
import { AnsiText, PlainText } from "../text.tsx";
import { type Fields, isObject, objectAt } from "./inside.ts";

/** Nothing in here has an address. */
const SETTINGS: OutputSettings = {
  blobUrl: () => "",
  fileUrl: () => "",
  frameUrl: () => "",
  drawingUrl: () => "",
  openText: () => undefined,
};
const NOWHERE = { fileUrl: () => "", attachmentUrl: () => undefined };

export class OutputModel extends DOMWidgetModel {
  override defaults() {
    return {
      ...super.defaults(),
      _model_name: "OutputModel",
      _view_name: "OutputView",
      _model_module: "@jupyter-widgets/output",
      _view_module: "@jupyter-widgets/output",
      _model_module_version: "1.0.0",
      _view_module_version: "1.0.0",
      msg_id: "",
      outputs: [],
    };
  }
}

export class OutputView extends DOMWidgetView {
  override render(): void {
    super.render();
    this.el.classList.add("widget-output");
    this.listenTo(this.model, "change:outputs", () => this.#draw());
    this.#draw();
  }

  override remove(): unknown {
    draw(null, this.el);
    return super.remove();
  }

  #draw(): void {
    const outputs: unknown = this.model.get("outputs");
    const list = Array.isArray(outputs) ? outputs.filter(isObject) : [];
    draw(
      <OutputSettingsContext.Provider value={SETTINGS}>
        {list.map((output, index) => (
          <div class="output" key={index}>
            <One output={output} view={this} />
          </div>
        ))}
      </OutputSettingsContext.Provider>,
      this.el,
    );
  }
}

function One({ output, view }: { readonly output: Fields; readonly view: OutputView }) {
  switch (output.output_type) {
    case "stream":
      return (
        <pre class="output-text" data-stream={output.name === "stderr" ? "stderr" : "stdout"}>
          <AnsiText text={stringOf(output.text)} />
        </pre>
      );
    case "error":
      return (
        <ErrorView
          error={{
            output_type: "error",
            ename: stringOf(output.ename),
            evalue: stringOf(output.evalue),
            traceback: Array.isArray(output.traceback) ? output.traceback.map(String) : [],
            extra: {},
          }}
        />
      );
    default:
      return <Shown output={output} view={view} />;
  }
}

function Shown({ output, view }: { readonly output: Fields; readonly view: OutputView }) {
  const bundle: Bundle = { data: jsonAt(output, "data"), metadata: jsonAt(output, "metadata"), blobs: {} };
  const chosen = chooseMime(bundle);
  const text = bundle.data["text/plain"];
  const plain = text === undefined ? "" : textOf(text);
  if (!("value" in chosen)) return <p class="output-note">This cannot be drawn inside of a widget.</p>;
  const { family, mime, value } = chosen;
  switch (family) {
    case "widget":
      return <Nested id={stringOf(isObject(value) ? value.model_id : "")} view={view} />;
    case "html":
      return <Nodes make={() => sanitiseOutput(textOf(value), NOWHERE)} />;
    case "markdown":
      return <Nodes make={() => renderMarkdown(textOf(value), NOWHERE)} />;
    case "svg":
      return <SvgImage text={textOf(value)} metadata={bundle.metadata} alt={plain || "Picture"} />;
    case "image":
      return <ImageData mime={mime} value={value} metadata={bundle.metadata} alt={plain || "Picture"} />;
    case "json":
      return <JsonTree value={value} expanded={false} />;
    case "latex":
    case "text":
      return <PlainText text={textOf(value)} />;
    case "plot":
    case "javascript":
    case "pdf": {
      const picture = bundle.data["image/png"];
      return (
        <>
          {picture === undefined ? (
            plain !== "" && <PlainText text={plain} />
          ) : (
            <ImageData mime="image/png" value={picture} metadata={bundle.metadata} alt={plain || "Picture"} />
          )}
          <p class="output-note">
            {mime} is not drawn inside of an Output widget, only as an output of a cell.
          </p>
        </>
      );
    }
  }
}

/** Inert nodes, in a shadow root with their own style sheets. */
function Nodes({ make }: { readonly make: () => DocumentFragment }) {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = host.current;
    if (element === null) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const nodes = make();
    const sheets = [...nodes.querySelectorAll(SHEET)].map(found => {
      found.remove();
      return found.textContent ?? "";
    });
    root.adoptedStyleSheets = [tableSheet, ...sheets].map(text => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(text);
      return sheet;
    });
    root.replaceChildren(nodes);
  });
  return (
    <div class="output-html">
      <div ref={host} />
    </div>
  );
}

/** A widget inside of an Output widget. */
function Nested({ id, view }: { readonly id: string; readonly view: OutputView }) {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    let isGone = false;
    let shown: DOMWidgetView | undefined;
    const { widget_manager: manager } = view.model;
    manager
      .get_model(id)
      .then((model: WidgetModel) => manager.create_view(model))
      .then((made: unknown) => {
        if (!(made instanceof DOMWidgetView)) return;
        if (isGone || host.current === null) return void made.remove();
        shown = made;
        Widget.attach(made.luminoWidget, host.current);
        MessageLoop.sendMessage(made.luminoWidget, Widget.ResizeMessage.UnknownSize);
      })
      .catch(() => undefined);
    return () => {
      isGone = true;
      shown?.remove();
    };
  }, [id, view]);
  return <div ref={host} />;
}

function stringOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(String).join("");
  return typeof value === "string" ? value : "";
}

/** Values of a bundle came as JSON. */
function jsonAt(output: Fields, key: string): Readonly<Record<string, Json>> {
  const found: Record<string, Json> = {};
  for (const [name, value] of Object.entries(objectAt(output, key))) if (isJson(value)) found[name] = value;
  return found;
}

function isJson(value: unknown): value is Json {
  return value !== undefined;
}
