// JupyterLab's own services library, its manager classes as JupyterLab uses them, against a server of ours.
// Arguments: the server's address, its token. Prints JSON of what it saw; the test compares.
import coreutils from "@jupyterlab/coreutils";
import services from "@jupyterlab/services";

const [, , baseUrl, token] = process.argv;
const { ServerConnection, ServiceManager } = services;

// What a page of JupyterLab says of itself.
coreutils.PageConfig.setOption("terminalsAvailable", "true");

const serverSettings = ServerConnection.makeSettings({
  baseUrl,
  wsUrl: baseUrl.replace("http", "ws"),
  token,
  appendToken: true,
});
const manager = new ServiceManager({ serverSettings, standby: "never" });
const seen = {};

/** Run code; return the reply's status and what was printed. */
async function run(kernel, code, stdin) {
  const future = kernel.requestExecute({ code });
  const texts = [];
  future.onIOPub = (message) => {
    if (message.header.msg_type === "stream") texts.push(message.content.text);
    if (message.header.msg_type === "execute_result") texts.push(message.content.data["text/plain"]);
  };
  future.onStdin = (message) => {
    if (message.header.msg_type === "input_request") kernel.sendInputReply({ value: stdin, status: "ok" }, message.header);
  };
  const reply = await future.done;
  return [reply.content.status, texts.join("")];
}

function once(signal, wanted) {
  return new Promise((resolve) => {
    const hear = (sender, value) => {
      if (wanted(value)) {
        signal.disconnect(hear);
        resolve(value);
      }
    };
    signal.connect(hear);
  });
}

await manager.ready;
seen.ready = true;
seen.specs = Object.keys(manager.kernelspecs.specs.kernelspecs);

// contents
const { contents } = manager;
const made = await contents.newUntitled({ type: "notebook", path: "" });
const notebook = await contents.get(made.path, { content: true });
notebook.content.cells = [
  { id: "one", cell_type: "code", source: "1 + 1", metadata: {}, outputs: [], execution_count: null },
];
const saved = await contents.save(made.path, { ...notebook, type: "notebook", format: "json" });
seen.saved = saved.path;
const renamed = await contents.rename(made.path, "from lab ä.ipynb");
const again = await contents.get(renamed.path, { content: true, hash: true });
seen.source = again.content.cells[0].source;
seen.hash = again.hash_algorithm;
const checkpoint = await contents.createCheckpoint(renamed.path);
seen.checkpoints = (await contents.listCheckpoints(renamed.path)).some((one) => one.id === checkpoint.id);
await contents.restoreCheckpoint(renamed.path, checkpoint.id);
await contents.deleteCheckpoint(renamed.path, checkpoint.id);
const copy = await contents.copy(renamed.path, "");
await contents.delete(copy.path);
seen.download = (await fetch(await contents.getDownloadUrl(renamed.path), { headers: { Authorization: `token ${token}` } })).status;
await contents.save("text.txt", { type: "file", format: "text", content: "hello" });
seen.listed = (await contents.get("", { content: true })).content.map((one) => one.name).sort();

// an upload of 100 MB in pieces, as the file browser does it
const piece = Buffer.alloc(1_000_000, 7);
for (let chunk = 1; chunk <= 100; chunk++) {
  await contents.save("large.bin", {
    type: "file",
    format: "base64",
    content: piece.toString("base64"),
    chunk: chunk === 100 ? -1 : chunk,
  });
}
seen.uploaded = (await contents.get("large.bin", { content: false })).size;
await contents.delete("large.bin");

// a drive of its own, with settings of its own
const drive = new services.Drive({ name: "other", serverSettings });
contents.addDrive(drive);
seen.drive = (await contents.get("other:text.txt", { content: true })).content;

// a session with its kernel
const session = await manager.sessions.startNew({
  name: renamed.path,
  path: renamed.path,
  type: "notebook",
  kernel: { name: "python3" },
});
const { kernel } = session;
seen.info = (await kernel.info).language_info.name;
seen.run = await run(kernel, "print('hi')\n6 * 7");
seen.input = await run(kernel, "print('you said', input())", "Ada");
seen.completion = (await kernel.requestComplete({ code: "impor", cursor_pos: 5 })).content.matches.includes("import");
seen.inspection = (await kernel.requestInspect({ code: "print", cursor_pos: 5, detail_level: 0 })).content.found;
seen.history = (await kernel.requestHistory({ hist_access_type: "tail", n: 2, raw: true, output: false, unique: false })).content.status;

// run all: an error aborts what was sent with it
const [first, second] = [
  kernel.requestExecute({ code: "import time; time.sleep(0.3); 1/0", stop_on_error: true }),
  kernel.requestExecute({ code: "2" }),
];
seen.aborts = [(await first.done).content.status, (await second.done).content.status];

// a comm with buffers
await run(
  kernel,
  "def opened(comm, m):\n    comm.on_msg(lambda m: comm.send({'n': len(m['buffers'][0])}, buffers=m['buffers']))\nget_ipython().kernel.comm_manager.register_target('echo', opened)",
);
const comm = kernel.createComm("echo");
const echoed = new Promise((resolve) => {
  comm.onMsg = (message) => resolve([message.content.data.n, message.buffers[0].byteLength]);
});
await comm.open({}).done;
await comm.send({}, {}, [new Uint8Array(100_000_000)]).done;
seen.comm = await echoed;
await comm.close().done;

// interrupt, reconnect, restart
// (busy is said before the code runs: a kernel that is interrupted in between sleeps on)
const long = kernel.requestExecute({ code: "import time\nprint('asleep', flush=True)\ntime.sleep(100)" });
await new Promise((resolve) => {
  long.onIOPub = (message) => {
    if (message.header.msg_type === "stream") resolve();
  };
});
await kernel.interrupt();
seen.interrupted = (await long.done).content.ename;
await kernel.reconnect();
seen.reconnected = await run(kernel, "'again'");

// a new line in the middle of output: what was missed arrives, once
const printing = kernel.requestExecute({
  code: "import time\nfor n in range(300):\n    print(n, flush=True)\n    time.sleep(0.005)",
});
let printed = "";
printing.onIOPub = (message) => {
  if (message.header.msg_type === "stream") printed += message.content.text;
};
for (const number of ["50\n", "150\n"]) {
  while (!printed.includes(number)) await new Promise((resolve) => setTimeout(resolve, 5));
  await kernel.reconnect();
}
await printing.done;
await run(kernel, "1"); // it asks for the kernel's info on each new line; a restart now would cancel that
seen.missed = printed === [...Array(300).keys()].map((n) => `${n}\n`).join("");

await kernel.restart();
seen.restarted = await run(kernel, "'comm' in dir()");
seen.status = kernel.connectionStatus;

// sessions as others see them; another kernel for this one
await manager.sessions.refreshRunning();
seen.running = [...manager.sessions.running()].map((one) => [one.path, one.type]);
const before = kernel.id;
const other = await session.changeKernel({ name: "python3" });
seen.changed = [other.id !== before, await run(other, "3")];
seen.found = (await manager.sessions.findByPath(renamed.path)).id === session.id;
await session.shutdown();

// a console whose file does not exist
const console_ = await manager.sessions.startNew({ name: "c", path: "no/such/console-1-abc", type: "console", kernel: { name: "python3" } });
seen.console = await run(console_.kernel, "'console'");
await console_.setPath("no/such/console-2");
await console_.shutdown();
await manager.sessions.refreshRunning();
seen.left = [...manager.sessions.running()].length;

// terminals
const terminal = await manager.terminals.startNew();
const shown = new Promise((resolve) => {
  let text = "";
  terminal.messageReceived.connect((_, message) => {
    if (message.type === "stdout") text += message.content[0];
    if (text.includes("4200")) resolve(true);
  });
});
terminal.send({ type: "set_size", content: [30, 100, 600, 800] });
terminal.send({ type: "stdin", content: ["echo $((42 * 100))\r"] });
seen.terminal = await shown;
const kept = new Promise((resolve) => {
  let text = "";
  terminal.messageReceived.connect((_, message) => {
    if (message.type === "stdout") text += message.content[0];
    if (text.includes("kept-4201")) resolve(true);
  });
});
terminal.send({ type: "stdin", content: ["kept=4201\r"] });
await terminal.reconnect();
terminal.send({ type: "stdin", content: ["echo kept-$kept\r"] });
seen.terminalAgain = await kept;
await manager.terminals.refreshRunning();
seen.terminals = [...manager.terminals.running()].length;
await terminal.shutdown();

// events and config
const heard = once(manager.events.stream, (event) => event.schema_id === "https://carnet.test/e");
await new Promise((resolve) => setTimeout(resolve, 200)); // its socket says nothing when it is open
await manager.events.emit({ schema_id: "https://carnet.test/e", version: "1", data: { n: 1 } });
seen.event = (await heard).n;
const section = await services.ConfigSection.create({ name: "labtest", serverSettings });
await section.update({ a: 1 });
seen.config = (await services.ConfigSection.create({ name: "labtest", serverSettings })).data;

console.log(JSON.stringify(seen));
manager.dispose();
process.exit(0);
