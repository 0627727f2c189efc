// Jupyter's own shared notebook over y-websocket, as JupyterLab has it. Arguments: the server's address, its token, a
// notebook's path. Reads commands from standard input, a line of JSON each, and answers each with a line of JSON.

import { createInterface } from "node:readline";
import { YNotebook } from "@jupyter/ydoc";
import { WebsocketProvider } from "y-websocket";

const [url, token, path] = process.argv.slice(2);

async function session() {
  const answer = await fetch(`${url}api/collaboration/session/${encodeURIComponent(path)}`, {
    method: "PUT",
    headers: { Authorization: `token ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ format: "json", type: "notebook" }),
  });
  return answer.json();
}

const notebook = new YNotebook({ disableDocumentWideUndoRedo: true });
const { format, type, fileId, sessionId } = await session();
const provider = new WebsocketProvider(`${url.replace(/^http/, "ws")}api/collaboration/room`, `${format}:${type}:${fileId}`, notebook.ydoc, {
  connect: false,
  params: { sessionId, token },
  awareness: notebook.awareness,
  disableBc: true,
});
let closed = null;
provider.on("connection-close", (event) => {
  closed = event?.code ?? null;
});

function cells() {
  return notebook.cells.map((cell) => cell.toJSON());
}

/** Resolve when this is true; it is looked at after each change. */
function until(isTrue) {
  return new Promise((resolve) => {
    const look = () => {
      if (isTrue()) {
        notebook.ydoc.off("update", look);
        provider.off("sync", look);
        provider.awareness.off("change", look);
        resolve();
      }
    };
    notebook.ydoc.on("update", look);
    provider.on("sync", look);
    provider.awareness.on("change", look);
    look();
  });
}

const commands = {
  come: async () => {
    provider.connect();
    await until(() => provider.synced);
  },
  go: () => provider.disconnect(),
  try: async () => {
    provider.connect();
    await new Promise((resolve) => provider.once("connection-close", resolve));
    provider.disconnect();
  },
  cells,
  closed: () => closed,
  type: ({ cell, at, text }) => {
    const source = notebook.getCell(cell);
    const start = at ?? source.getSource().length;
    source.updateSource(start, start, text);
  },
  erase: ({ cell, start, end }) => notebook.getCell(cell).updateSource(start, end, ""),
  insert: ({ at, source, id }) => {
    notebook.insertCell(at, { cell_type: "code", source, id, metadata: {}, outputs: [], execution_count: null });
  },
  delete: ({ cell }) => notebook.deleteCell(cell),
  move: ({ cell, to }) => notebook.moveCell(cell, to),
  metadata: ({ key, value }) => notebook.setMetadata(key, value),
  outputs: ({ cell, outputs, count }) => {
    notebook.getCell(cell).setOutputs(outputs);
    notebook.getCell(cell).execution_count = count;
  },
  say: ({ name }) => provider.awareness.setLocalStateField("user", { name }),
  hear: async ({ name }) => {
    await until(() => [...provider.awareness.getStates().values()].some((one) => one.user?.name === name));
  },
  source: async ({ cell, has }) => {
    await until(() => notebook.cells[cell]?.getSource().includes(has));
    return notebook.getCell(cell).getSource();
  },
  executed: async ({ cell, count }) => {
    await until(() => notebook.cells[cell]?.execution_count === count);
  },
  length: async ({ count }) => {
    await until(() => notebook.cells.length === count);
  },
  printed: async ({ cell, has }) => {
    await until(() => JSON.stringify(notebook.cells[cell]?.toJSON().outputs ?? "").includes(has));
    return notebook.getCell(cell).toJSON().outputs;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...what } = JSON.parse(line);
  const answer = await commands[name](what);
  console.log(JSON.stringify(answer ?? null));
}
provider.destroy();
process.exit(0);
