// Jupyter's own shared text file over y-websocket, as JupyterLab has it. Arguments: the server's address, its token, a
// file's path. Reads commands from standard input, a line of JSON each, and answers each with a line of JSON.

import { createInterface } from "node:readline";
import { YFile } from "@jupyter/ydoc";
import { WebsocketProvider } from "y-websocket";

const [url, token, path] = process.argv.slice(2);

const answer = await fetch(`${url}api/collaboration/session/${encodeURIComponent(path)}`, {
  method: "PUT",
  headers: { Authorization: `token ${token}`, "Content-Type": "application/json" },
  body: JSON.stringify({ format: "text", type: "file" }),
});
const { format, type, fileId, sessionId } = await answer.json();

const file = new YFile();
const provider = new WebsocketProvider(`${url.replace(/^http/, "ws")}api/collaboration/room`, `${format}:${type}:${fileId}`, file.ydoc, {
  connect: false,
  params: { sessionId, token },
  awareness: file.awareness,
  disableBc: true,
});

/** Resolve when this is true; it is looked at after each change. */
function until(isTrue) {
  return new Promise((resolve) => {
    const look = () => {
      if (isTrue()) {
        file.ydoc.off("update", look);
        provider.off("sync", look);
        resolve();
      }
    };
    file.ydoc.on("update", look);
    provider.on("sync", look);
    look();
  });
}

const commands = {
  come: async () => {
    provider.connect();
    await until(() => provider.synced);
  },
  go: () => provider.disconnect(),
  type: ({ at, text }) => {
    const start = at ?? file.getSource().length;
    file.updateSource(start, start, text);
  },
  text: async ({ has }) => {
    await until(() => file.getSource().includes(has ?? ""));
    return file.getSource();
  },
  saved: async () => {
    await until(() => file.dirty === false);
    return file.state;
  },
  dirty: () => {
    file.dirty = true;
  },
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { do: what, ...how } = JSON.parse(line);
  const result = await commands[what](how);
  process.stdout.write(`${JSON.stringify(result ?? null)}\n`);
});
