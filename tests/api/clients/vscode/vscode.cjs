// What VS Code's Jupyter extension (2026.6) does with a server that somebody gives it, call by call, with the libraries that it
// ships: sign in, list, start, run, close the window, come back to the running kernel, two windows, interrupt, restart, delete.
// Argument: JSON {url, passwords, headers, untrusted, waits}, or {pasted}. Prints JSON of what it saw; the test compares.
const https = require("node:https");
const readline = require("node:readline");
const { randomUUID } = require("node:crypto");
const fetch = require("node-fetch");
const WebSocket = require("isomorphic-ws");
const { ContentsManager, KernelAPI, KernelManager, KernelSpecManager, ServerConnection, SessionManager } = require("@jupyterlab/services");

const asked = JSON.parse(process.argv[2]);
const seen = {};
const slashed = (url) => (url.endsWith("/") ? url : `${url}/`);
const agent = (url) => (asked.untrusted && url.startsWith("https:") ? { agent: new https.Agent({ rejectUnauthorized: false }) } : {});
const ask = (url, init = {}) => fetch(String(url), { ...init, ...agent(String(url)) });

/** What was pasted is a page of the server; its redirect to the login form tells where the server begins. */
async function understand(pasted) {
  const url = new URL(pasted.trim().replace(/\/(lab|tree)(\??)$/, ""));
  const token = url.searchParams.get("token") ?? "";
  let base = `${url.protocol}//${url.host}${["/lab", "/tree"].includes(url.pathname) ? "" : url.pathname}`;
  if (new URL(base).pathname !== "/") {
    const location = (await ask(base, { redirect: "manual" })).headers.get("location");
    if (location?.includes("login?")) base = location.slice(0, location.indexOf("login?"));
  }
  return { base, token };
}

async function isHub(base) {
  const answer = await ask(new URL("hub/api", slashed(base)));
  if (answer.status !== 200) return false;
  return answer.json().then((body) => Boolean(body?.version), () => false);
}

async function needsPassword(base) {
  const headers = { Connection: "keep-alive" };
  const first = await ask(slashed(base), { redirect: "follow", headers });
  if (first.status === 200 && first.redirected) {
    if (first.url.toLowerCase().includes("/login?")) return true;
    if (first.url.toLowerCase().includes("/lab?")) return false;
  }
  const tree = await ask(new URL("tree?", slashed(base)), { redirect: "manual", headers });
  return tree.status !== 404 && tree.status !== 200;
}

/** Each cookie with all that is said of it: so it is sent back. */
const cookies = (answer) => (answer.headers.raw()["set-cookie"] ?? []).map((one) => [one.slice(0, one.indexOf("=")), one.slice(one.indexOf("=") + 1)]);

async function xsrfOf(url, headers) {
  const answer = await ask(url, { redirect: "manual", headers: { Connection: "keep-alive", ...headers } });
  return answer.ok ? new Map(cookies(answer)).get("_xsrf")?.split(";")[0] : undefined;
}

async function signIn(base, password) {
  let xsrf = await xsrfOf(new URL("login?", slashed(base)), {});
  let session = ["authservice_session", password];
  if (xsrf === undefined) {
    xsrf = await xsrfOf(new URL("tree", slashed(base)), { Cookie: session.join("=") });
  } else {
    const answer = await ask(new URL("login?", slashed(base)), {
      method: "post",
      redirect: "manual",
      headers: { Cookie: `_xsrf=${xsrf}`, Connection: "keep-alive", "content-type": "application/x-www-form-urlencoded;charset=UTF-8" },
      body: new URLSearchParams({ _xsrf: xsrf, password }).toString(),
    });
    session = answer.status === 302 ? cookies(answer)[0] : undefined;
  }
  return xsrf && session ? { Cookie: `_xsrf=${xsrf}; ${session[0]}=${session[1] ?? ""}`, "X-XSRFToken": xsrf } : undefined;
}

/** The settings that each window makes: its own request, which sets the headers, and its own socket, which has them too. */
function settingsOf(base, token, headers) {
  class AuthorizedRequest extends fetch.Request {
    constructor(input, init) {
      super(input, init);
      for (const [name, value] of Object.entries(headers)) this.headers.append(name, value);
      this.headers.set("Content-Type", "application/json");
      const append = this.headers.append.bind(this.headers);
      this.headers.append = (name, value) => name.toLowerCase() !== "authorization" && append(name, value);
    }
  }
  class PingingSocket extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers, ...(asked.untrusted ? { rejectUnauthorized: false } : {}) });
      // It pings each 30 s; here each second, so that there are some.
      const timer = setInterval(() => this.readyState === WebSocket.OPEN && this.ping(() => {}), 1000);
      this.on("pong", () => (seen.pong = true));
      this.on("close", () => clearInterval(timer));
    }
  }
  const has = Object.keys(headers).length > 0;
  return ServerConnection.makeSettings({
    baseUrl: base,
    appUrl: "",
    wsUrl: base.replace("http", "ws"),
    init: { cache: "no-store", credentials: "same-origin", ...agent(base) },
    fetch,
    Headers: fetch.Headers,
    Request: has ? AuthorizedRequest : fetch.Request,
    WebSocket: PingingSocket,
    ...(token || has ? { token, appendToken: true } : {}),
  });
}

/** One window: managers of its own. */
class Window {
  constructor(settings) {
    this.settings = settings;
    this.specs = new KernelSpecManager({ serverSettings: settings });
    this.kernels = new KernelManager({ serverSettings: settings });
    this.sessions = new SessionManager({ serverSettings: settings, kernelManager: this.kernels });
    this.contents = new ContentsManager({ serverSettings: settings });
  }

  async list() {
    const running = await KernelAPI.listRunning(this.settings);
    await this.sessions.ready;
    await this.specs.refreshSpecs();
    await this.sessions.refreshRunning();
    return { running, specs: Object.keys(this.specs.specs.kernelspecs), sessions: [...this.sessions.running()] };
  }

  /** The path is thought up: the notebook is on the user's own disk. */
  start(stem, type) {
    const path = `${stem}-jvsc-${randomUUID()}${randomUUID()}.ipynb`;
    const name = `${stem}-${randomUUID()}.ipynb`;
    return this.sessions.startNew({ path, name, type, kernel: { name: "python3" } }, { kernelConnectionOptions: { handleComms: true } });
  }

  /** Come to a kernel that runs: the model is what the list said. */
  async attach(model) {
    const session = this.sessions.connectTo({ ...model.kernel, model });
    await until(() => session.kernel?.connectionStatus === "connected");
    return session;
  }

  close() {
    this.contents.dispose();
    this.sessions.dispose();
    this.kernels.dispose();
    this.specs.dispose();
  }
}

async function until(holds) {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

function ran(kernel, code) {
  const future = kernel.requestExecute({ code, silent: false, stop_on_error: false, allow_stdin: true, store_history: true }, true);
  const told = { text: "", future };
  const ids = new Set();
  future.onIOPub = ({ header, content }) => {
    // What was on the way when a line was cut may come again, with the id it had (KW6).
    if (ids.has(header.msg_id)) return;
    ids.add(header.msg_id);
    if (header.msg_type === "stream") told.text += content.text;
    if (header.msg_type === "execute_result") told.text += content.data["text/plain"];
  };
  told.over = future.done.then(({ content }) => [content.ename ?? content.status, told.text]);
  return told;
}
const run = (kernel, code) => ran(kernel, code).over;

/** Have the test do something, and go on when it has. */
const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function have(what) {
  console.log(JSON.stringify({ have: what }));
  await lines.next();
}

async function main() {
  if (asked.pasted) {
    const found = [];
    for (const url of asked.pasted) found.push((await understand(url)).base);
    console.log(JSON.stringify(found));
    process.exit(0);
  }
  const { base, token } = await understand(asked.url);
  seen.base = base;
  let headers = { ...asked.headers };
  if (!token) seen.hub = await isHub(base);
  seen.needsPassword = await needsPassword(base);
  if (!token && !asked.headers) {
    for (const password of asked.passwords) {
      headers = (await signIn(base, password)) ?? {};
      const tried = KernelAPI.listRunning(settingsOf(base, token, headers));
      (seen.tries ??= []).push(await tried.then(() => true, (error) => error.response.status));
    }
  } else if (token) {
    headers.Authorization = `token ${token}`;
  }
  const settings = settingsOf(base, token, headers);

  const first = new Window(settings);
  const listed = await first.list();
  seen.first = [listed.specs, listed.running.length, listed.sessions.length];

  const session = await first.start("model", "notebook");
  await until(() => session.kernel.status === "idle");
  seen.run = await run(session.kernel, "x = 41\nprint('hi')\nx + 1");
  const failing = ran(session.kernel, "1/0");
  const behind = ran(session.kernel, "'goes on'");
  seen.failed = [(await failing.over)[0], await behind.over];
  const input = ran(session.kernel, "input('name? ')");
  input.future.onStdin = ({ header }) => session.kernel.sendInputReply({ value: "Ada", status: "ok" }, header);
  seen.input = await input.over;
  seen.completed = (await session.kernel.requestComplete({ code: "impor", cursor_pos: 5 })).content.matches.includes("import");

  // the window is closed while a cell runs: nobody deletes anything
  const gate = "import time\nfor n in range(100):\n    print(n, flush=True)\n    time.sleep(0.01)\ny = n";
  const cut = ran(session.kernel, gate);
  await until(() => cut.text.includes("10\n"));
  cut.over.catch(() => {});
  session.dispose();
  first.close();

  // another one attaches to what runs: the list has what it shows of a kernel
  const second = new Window(settings);
  const [live] = (await second.list()).sessions;
  seen.live = [live.path.startsWith("model-jvsc-"), live.type, Date.now() - Date.parse(live.kernel.last_activity) < 3_600_000, typeof live.kernel.connections];
  const again = await second.attach(live);
  seen.again = [again.kernel.id === live.kernel.id, await run(again.kernel, "x, y")];

  // a third window on the same kernel; comms are handled by each, and none is closed for the other
  const third = new Window(settings);
  const beside = await third.attach((await third.list()).sessions[0]);
  const targets = [again, beside].map(({ kernel }) => {
    const told = [];
    kernel.registerCommTarget("echo", (comm) => {
      comm.onMsg = ({ content }) => told.push(content.data);
      comm.onClose = () => told.push("closed");
    });
    return told;
  });
  seen.comm = await run(again.kernel, "from comm import create_comm\nc = create_comm('echo', data={})\nc.send({'n': 1})");
  const plain = ran(beside.kernel, "c.send({'n': 2})");
  await plain.over;
  await until(() => targets.every((told) => told.length === 2));
  seen.comms = targets;
  seen.open = await run(beside.kernel, "c._closed");
  seen.connections = (await third.list()).running[0].connections;

  const sleeping = ran(again.kernel, "import time\nprint('asleep', flush=True)\ntime.sleep(100)");
  await until(() => sleeping.text !== "");
  await again.kernel.interrupt();
  seen.interrupted = (await sleeping.over)[0];

  if (asked.waits) {
    // the server is killed while a cell runs, and started again
    const going = ran(again.kernel, gate);
    await until(() => going.text.includes("10\n"));
    await have("restarted");
    seen.killed = await going.over;
    await until(() => again.kernel.status === "idle");
    await run(again.kernel, "1"); // on each new line the kernel is asked for its info; a restart now would cancel that
  }

  await again.kernel.restart();
  seen.restarted = [await run(again.kernel, "'x' in dir()"), await run(beside.kernel, "1")];

  // the interactive window; its kernel dies
  const interactive = await third.start("Interactive-1", "console");
  const dying = run(interactive.kernel, "import os\nos._exit(3)").catch((error) => error.message.slice(0, 15));
  await until(() => interactive.kernel.status === "dead");
  seen.dead = await dying;
  await interactive.shutdown();

  beside.dispose();
  await again.shutdown();
  const left = await third.list();
  seen.left = [left.running.length, left.sessions.length];
  const wrong = KernelAPI.listRunning(settingsOf(base, "wrong", { Authorization: "token wrong" }));
  seen.wrong = await wrong.then(() => "came in", (error) => error.response.status);
  console.log(JSON.stringify(seen));
  process.exit(0);
}

main().catch((error) => {
  console.error(error, JSON.stringify(seen));
  process.exit(1);
});
