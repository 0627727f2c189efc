import { expect, test } from "vitest";
import { type HttpSurroundings, httpTransport, REQUEST_BYTES, SHORT_POLL_MS, TRIES } from "./http.ts";

/** A server of one carrier, which keeps the rules; `fault` says what happens to a request on its way. */
class Carrier {
  readonly received: number[][] = [];
  readonly down: Uint8Array[] = [];
  readonly log: string[] = [];
  fault: (method: string, address: string, body: Uint8Array) => Response | "cut before" | "cut after" | null =
    () => null;
  isGone = false;
  largest = 0;
  #next = 1;
  #part: number[] = [];
  #has = 0;
  #news: (() => void)[] = [];

  readonly fetch = async (address: string, init: RequestInit = {}): Promise<Response> => {
    const { pathname, searchParams } = new URL(address);
    const method = init.method ?? "GET";
    const body = init.body instanceof Uint8Array ? init.body : new Uint8Array();
    this.log.push(`${method} ${pathname}`);
    const fault = this.fault(method, pathname, body);
    if (fault === "cut before") throw new TypeError("Failed to fetch");
    if (fault instanceof Response) return fault;
    const response = await this.#answer(method, pathname, searchParams, body, init.signal);
    if (fault === "cut after") throw new TypeError("Failed to fetch");
    return response;
  };

  say(...values: number[]): void {
    for (const value of values) this.down.push(new Uint8Array([value]));
    for (const tell of this.#news.splice(0)) tell();
  }

  async #answer(
    method: string,
    path: string,
    query: URLSearchParams,
    body: Uint8Array,
    signal: AbortSignal | null | undefined,
  ): Promise<Response> {
    if (method === "POST" && path === "/b/link/http") return Response.json({ id: "x" }, { status: 201 });
    if (this.isGone) return new Response(null, { status: 404 });
    if (method === "DELETE") this.isGone = true;
    if (method === "POST") this.#take(Number(query.get("number")), body);
    if (method !== "GET") return new Response(null, { status: 204 });
    this.#has = Number(query.get("after"));
    return path.endsWith("/stream") ? this.#stream(signal) : this.#poll(query.get("hold") === "1");
  }

  #take(number: number, body: Uint8Array): void {
    if (number !== this.#next) return;
    this.#next += 1;
    this.largest = Math.max(this.largest, body.length);
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    for (let at = 0; at < body.length; ) {
      const size = view.getUint32(at + 1);
      for (const byte of body.subarray(at + 5, at + 5 + size)) this.#part.push(byte);
      if (view.getUint8(at) === 0) {
        this.received.push(this.#part);
        this.#part = [];
      }
      at += 5 + size;
    }
  }

  async #poll(hold: boolean): Promise<Response> {
    if (hold && this.down.length <= this.#has) await new Promise<void>(resolve => this.#news.push(resolve));
    const frames = this.down.slice(this.#has);
    return bytesResponse(frames.length === 0 ? new Uint8Array(4) : packed(frames));
  }

  #stream(signal: AbortSignal | null | undefined): Response {
    let at = this.#has;
    const stream = new ReadableStream<Uint8Array>({
      start: controller => {
        controller.enqueue(new Uint8Array(4));
        signal?.addEventListener("abort", () => controller.error(new Error("aborted")));
        this.#cut = () => controller.error(new Error("cut"));
      },
      pull: async controller => {
        while (this.down.length <= at) await new Promise<void>(resolve => this.#news.push(resolve));
        for (const byte of packed(this.down.slice(at))) controller.enqueue(new Uint8Array([byte]));
        at = this.down.length;
      },
    });
    return new Response(stream, { headers: { "Content-Type": "application/octet-stream" } });
  }

  #cut: () => void = () => {};

  cutStream(): void {
    this.#cut();
  }
}

function packed(frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(frames.flatMap(frame => [0, 0, frame.length >> 8, frame.length & 255, ...frame]));
}

function bytesResponse(bytes: Uint8Array<ArrayBuffer>): Response {
  return new Response(bytes, { headers: { "Content-Type": "application/octet-stream" } });
}

function aLine(down: "stream" | "poll", options: { carrier?: Carrier; hold?: boolean } = {}) {
  const carrier = options.carrier ?? new Carrier();
  const delays: number[] = [];
  const around: HttpSurroundings = {
    fetch: carrier.fetch as typeof fetch,
    headers: () => ({ "X-XSRFToken": "t" }),
    later: (delayMs, callback) => {
      delays.push(delayMs);
      const timer = setTimeout(callback, 0);
      return () => clearTimeout(timer);
    },
    hold: async () => (options.hold === false ? null : () => heard.push("given back")),
  };
  const heard: string[] = [];
  const line = httpTransport("http://h/b/", down, around).open({
    opened: () => heard.push("opened"),
    received: frame => heard.push(`received ${frame.join(" ")}`),
    lost: reason => heard.push(`lost: ${reason}`),
    better: () => {},
  });
  return { carrier, line, heard, delays };
}

async function until(true_: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !true_(); turn += 1) await new Promise(resolve => setTimeout(resolve, 0));
  expect(true_()).toBe(true);
}

for (const down of ["stream", "poll"] as const) {
  test(`hl2 hl5 frames go both ways, in order (${down})`, async () => {
    const { carrier, line, heard } = aLine(down);
    for (const value of [1, 2, 3]) line.send(new Uint8Array([value]));
    await until(() => carrier.received.length === 3);
    carrier.say(4);
    await until(() => heard.length === 2);
    carrier.say(5, 6);
    await until(() => heard.length === 4);
    expect(carrier.received).toEqual([[1], [2], [3]]);
    expect(heard).toEqual(["opened", "received 4", "received 5", "received 6"]);
    line.close();
    await until(() => carrier.isGone);
    expect(heard.at(-1)).toBe("given back");
  });

  test(`hl3 hl6 what is cut comes again, and arrives once (${down})`, async () => {
    const { carrier, line, heard } = aLine(down);
    await until(() => heard.includes("opened"));
    let posts = 0;
    carrier.fault = method => {
      if (method !== "POST") return null;
      posts += 1;
      return posts % 3 === 0 ? null : posts % 3 === 1 ? "cut before" : "cut after";
    };
    for (let value = 0; value < 10; value += 1) {
      line.send(new Uint8Array([value]));
      await until(() => carrier.received.length === value + 1);
      carrier.say(value);
      if (value % 2 === 0) carrier.cutStream();
    }
    await until(() => heard.length >= 11);
    expect(carrier.received.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(heard.slice(1)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(value => `received ${value}`));
    line.close();
  });
}

test("hl2 a large frame goes in pieces, and in smaller ones where a proxy has a smaller cap", async () => {
  const { carrier, line } = aLine("poll");
  const large = new Uint8Array(3 * REQUEST_BYTES).map((_, index) => index % 251);
  carrier.fault = (_, __, body) => (body.length > 100_000 ? new Response(null, { status: 413 }) : null);
  line.send(large);
  line.send(new Uint8Array([7]));
  await until(() => carrier.received.length === 2);
  expect(new Uint8Array(carrier.received[0] ?? [])).toEqual(large);
  expect(carrier.received[1]).toEqual([7]);
  expect(carrier.largest).toBeLessThanOrEqual(100_000);
  line.close();
});

test("hl1 a carrier that is gone ends the line, and so does one that cannot be opened", async () => {
  const { carrier, heard } = aLine("poll");
  await until(() => heard.includes("opened"));
  carrier.isGone = true;
  carrier.say(1);
  await until(() => heard.includes("lost: The server ended the connection."));

  const refused = new Carrier();
  refused.fault = () => new Response("{}", { status: 403 });
  const other = aLine("stream", { carrier: refused });
  await until(() => other.heard.includes("lost: The answer to a request was 403."));
});

test("a page of something in between is no answer", async () => {
  const { carrier, heard } = aLine("poll");
  carrier.fault = method => (method === "GET" ? new Response("<p>Pay first</p>") : null);
  await until(() => heard.includes("lost: Something in between answers in place of the server."));
});

test("a request that fails again and again ends the line", async () => {
  const { carrier, heard } = aLine("stream");
  await until(() => heard.includes("opened"));
  carrier.fault = () => new Response(null, { status: 502 });
  carrier.cutStream();
  await until(() => heard.includes("lost: The answer to a request was 502."));
  expect(carrier.log.filter(one => one.endsWith("/stream")).length).toBe(1 + TRIES);
});

test("a tab that may not hold a connection does not stream, and asks now and then", async () => {
  const stream = aLine("stream", { hold: false });
  await until(() => stream.heard.length > 0);
  expect(stream.heard).toEqual(["lost: Too many tabs hold a connection."]);

  const { carrier, line, heard, delays } = aLine("poll", { hold: false });
  await until(() => delays.includes(SHORT_POLL_MS));
  carrier.say(1);
  await until(() => heard.includes("received 1"));
  line.close();
});
