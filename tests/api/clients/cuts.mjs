// JupyterLab's own kernel connection on a line that is cut, or whose server is killed, again and again while numbers are printed.
// Arguments: address, token, the kernel's id, protocol (`v1` or `default`), how often, a seed. It says `break` when the line is to
// break, and prints JSON of what it heard when the last number is there.
import services from "@jupyterlab/services";
import ws from "ws";

const [, , baseUrl, token, id, protocol, times, seed] = process.argv;

/** Offers no protocol, as clients of before do. */
class Plain extends ws {
  constructor(url) {
    super(url);
  }
}

const serverSettings = services.ServerConnection.makeSettings({
  baseUrl,
  wsUrl: baseUrl.replace("http", "ws"),
  token,
  appendToken: true,
  WebSocket: protocol === "v1" ? ws : Plain,
});
const kernel = new services.KernelConnection({ model: { id, name: "python3" }, serverSettings });

let state = Number(seed);
/** A number up to 80, the same row of them for the same seed. */
const random = () => {
  state = (state * 48271) % 2147483647;
  return 1 + (state % 80);
};

const heard = [];
const ids = new Map();
let [left, wait] = [Number(times), random()];
console.warn = () => {};

kernel.iopubMessage.connect((_, { header, content }) => {
  if (header.msg_type !== "stream" || content.name !== "stdout") return;
  const before = ids.get(header.msg_id);
  if (before === undefined) heard.push(content.text);
  ids.set(header.msg_id, [(before?.[0] ?? 0) + 1, content.text]);
  if (before !== undefined && before[1] !== content.text) throw new Error("what comes again is not the same");
  if (content.text.endsWith("end\n")) finish();
  else if (kernel.connectionStatus === "connected" && left > 0 && --wait <= 0) {
    [left, wait] = [left - 1, random()];
    console.log("break");
  }
});
kernel.connectionStatusChanged.connect((_, status) => {
  // It gives up after seven tries; then somebody presses a button.
  if (status === "disconnected") void kernel.reconnect();
});

function finish() {
  const counts = [...ids.values()].map(([count]) => count);
  console.log(JSON.stringify({ text: heard.join(""), left, twice: counts.filter((n) => n > 1).length, messages: counts.length }));
  process.exit(0);
}

await kernel.info;
console.log("ready");
