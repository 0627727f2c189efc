import { expect, test } from "vitest";
import type { Comm, Json } from "../../core/wire.ts";
import { modelIdOf, modelsFor, namesOf } from "./models.ts";
import { savedModels } from "./saved.ts";

function comm(data: Readonly<Record<string, Json>>): Comm {
  return {
    target: "jupyter.widget",
    module: "",
    data,
    buffers: [],
    live: true,
    clear_pending: false,
    column: 0,
  };
}

test("XS32 a frame gets what its view names, and links between what it has", () => {
  const all = new Map([
    ["box", comm({ children: ["IPY_MODEL_a", "IPY_MODEL_gone"], layout: "IPY_MODEL_layout" })],
    ["a", comm({ value: 1, box: "IPY_MODEL_box" })],
    ["layout", comm({})],
    ["b", comm({ layout: "IPY_MODEL_layout2" })],
    ["layout2", comm({})],
    [
      "link",
      comm({ _model_name: "LinkModel", source: ["IPY_MODEL_a", "value"], target: ["IPY_MODEL_b", "value"] }),
    ],
    ["other", comm({ children: ["IPY_MODEL_a"] })],
  ]);
  expect([...modelsFor("box", all)].sort()).toEqual(["a", "b", "box", "layout", "layout2", "link"]);
  expect([...modelsFor("nobody", all)]).toEqual([]);
});

test("XS32 outputs of an Output widget name the widgets in them", () => {
  const outputs = [
    {
      output_type: "display_data",
      data: { "application/vnd.jupyter.widget-view+json": { model_id: "inner" }, "text/plain": "IPY_MODEL_" },
    },
  ];
  expect(namesOf({ outputs }).has("inner")).toBe(true);
  expect(modelIdOf({ model_id: 7 })).toBeUndefined();
  expect(modelIdOf("x")).toBeUndefined();
});

test("XS37 models of a file are read, and what is damaged is left out", () => {
  const state = {
    ok: {
      model_name: "ImageModel",
      model_module: "@jupyter-widgets/controls",
      model_module_version: "2.0.0",
      state: { width: "9" },
      buffers: [{ path: ["value"], data: "AQI=", encoding: "base64" }],
    },
    bad: { state: {} },
    odd: {
      model_name: "A",
      model_module: "B",
      buffers: [{ path: [{}], data: "AQI=", encoding: "base64" }, 7],
    },
  };
  const found = savedModels({ "application/vnd.jupyter.widget-state+json": { version_major: 2, state } });
  expect([...found.keys()]).toEqual(["ok", "odd"]);
  expect(found.get("ok")).toMatchObject({
    live: false,
    data: { _model_name: "ImageModel", width: "9" },
    buffers: [{ path: ["value"], data: new Uint8Array([1, 2]), text: false }],
  });
  expect(found.get("odd")?.buffers).toEqual([]);
  expect(savedModels(7).size).toBe(0);
});
