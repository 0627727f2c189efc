/**
 * The REST API, for what is not a live notebook: folders, uploads, kernelspecs, logins.
 *
 * Every failure is a `RestError` whose message is a sentence for people.
 */

export class RestError extends Error {
  /** HTTP status; 0: the server could not be reached. */
  readonly status: number;

  /** The server's word for programs, such as `login`; empty: it said none. */
  readonly reason: string;

  constructor(status: number, message: string, reason = "") {
    super(message);
    this.name = "RestError";
    this.status = status;
    this.reason = reason;
  }
}

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RestOptions {
  readonly json?: unknown;
  readonly body?: BodyInit;
  readonly signal?: AbortSignal;
}

/** Bytes to be kept by the browser, under the name that the server gave them. */
export interface RestFile {
  readonly name: string;
  readonly blob: Blob;
}

export interface Rest {
  /** Absolute address of a path below the base, each part escaped: `url("api/contents", "a b.ipynb")`. */
  url(route: string, path?: string): string;
  /** Send a request; the answer is parsed JSON, or undefined when there is none. Check its shape before use. */
  request(method: Method, route: string, path?: string, options?: RestOptions): Promise<unknown>;
  /**
   * Send a request for its response, which is a good one, or fail as `request` does. `headers` may be added to.
   *
   * Where the login has ended it waits until somebody signed in again, and goes once more.
   */
  send(method: Method, address: string, init: RequestInit & { readonly headers: Headers }): Promise<Response>;
  /** Get a download: what is wrong with it comes as an error, and not as a file. */
  file(route: string, path: string): Promise<RestFile>;
}

export interface RestSurroundings {
  /** Ends with a slash. */
  readonly base: string;
  readonly fetch: typeof fetch;
  /** The token that the server put in the page; null: none. */
  xsrf(): string | null;
  /** The document's cookies, for pages that are older than their cookie. */
  cookies(): string;
  /** The login may have ended: find out, and have it renewed. `insist`: somebody did something, so ask again. */
  signInAgain(insist: boolean): Promise<"renewed" | "was-in" | "not">;
}

export function makeRest(around: RestSurroundings): Rest {
  const url = (route: string, path = ""): string => {
    const parts = path.split("/").filter(part => part !== "");
    return around.base + [route, ...parts.map(encodeURIComponent)].join("/");
  };
  const once = async (
    method: Method,
    address: string,
    init: RequestInit & { readonly headers: Headers },
  ): Promise<Response> => {
    const token = xsrfToken(around.cookies()) ?? around.xsrf();
    if (method !== "GET" && token !== null) init.headers.set("X-XSRFToken", token);
    const response = await reach(around.fetch, address, { ...init, method, credentials: "same-origin" });
    if (response.ok) return response;
    const text = await response.text();
    throw new RestError(response.status, sentenceOf(response.status, text), fieldOf(text, "reason"));
  };
  const send: Rest["send"] = async (method, address, init) => {
    try {
      return await once(method, address, init);
    } catch (error) {
      if (!(error instanceof RestError)) throw error;
      const isRefused = error.reason === "login" || error.reason === "xsrf";
      // A refusal comes before the body was read, so a browser may only see that the connection ended.
      if (!isRefused && !(error.status === 0 && init.body != null)) throw error;
      const went = await around.signInAgain(method !== "GET");
      if (went === "not" || (!isRefused && went === "was-in")) throw error;
    }
    return once(method, address, init);
  };
  return {
    url,
    send,
    async request(method, route, path = "", options = {}) {
      const headers = new Headers({ Accept: "application/json" });
      if (options.json !== undefined) headers.set("Content-Type", "application/json");
      const init: RequestInit & { headers: Headers } = { headers };
      if (options.json !== undefined) init.body = JSON.stringify(options.json);
      else if (options.body !== undefined) init.body = options.body;
      if (options.signal !== undefined) init.signal = options.signal;
      const response = await send(method, url(route, path), init);
      const text = await response.text();
      return text === "" ? undefined : parse(response.status, text);
    },
    async file(route, path) {
      const headers = new Headers({ Accept: "application/json" });
      const response = await send("GET", `${url(route, path)}?download=1`, { headers });
      const named = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
      return { name: decodeURIComponent(named ?? ""), blob: await response.blob() };
    },
  };
}

/** Return the value of the cookie `_xsrf`, if it is there. */
export function xsrfToken(cookies: string): string | undefined {
  for (const pair of cookies.split(";")) {
    const [name, ...value] = pair.trim().split("=");
    if (name === "_xsrf") return decodeURIComponent(value.join("="));
  }
  return undefined;
}

async function reach(fetcher: typeof fetch, address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetcher(address, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new RestError(0, "The server cannot be reached. Check the connection and try again.");
  }
}

function parse(status: number, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RestError(
      status,
      "The server answered with something that is not JSON. Is a proxy in between?",
    );
  }
}

/** Our server sends `{"message": sentence}` with every error. What a proxy sends is not for people. */
function sentenceOf(status: number, text: string): string {
  const said = fieldOf(text, "message");
  if (said !== "") return said;
  const known: Readonly<Record<number, string>> = {
    401: "You are not logged in any more. Log in again.",
    403: "You may not do that.",
    404: "It is not there any more.",
    409: "It changed in the meantime. Load it again.",
    413: "It is too large for the server.",
    502: "The server is not running behind its proxy.",
    503: "The server is busy. Try again in a moment.",
    504: "The server did not answer its proxy in time.",
  };
  return known[status] ?? `The server answered ${status}.`;
}

function fieldOf(text: string, name: "message" | "reason"): string {
  try {
    const value: unknown = JSON.parse(text);
    const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : "";
    return typeof found === "string" ? found : "";
  } catch {
    // Not ours.
    return "";
  }
}
