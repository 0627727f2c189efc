/**
 * Signing in again in place: a page whose login has ended asks for it and goes on; what is on it stays.
 *
 * Whoever notices calls `look` (a link that was ended) or `again` (a request that was refused). The
 * dialog is drawn from `state` by `views/signin.tsx`. Rules AC37 to AC39: docs/specs/access.md.
 */

import { type ReadonlySignal, signal } from "@preact/signals-core";
import { strings } from "./strings.ts";

/** What the server asks for. */
export interface Wanted {
  /** In words: `Password`, `Token`, `Password or token`. */
  readonly wants: string;
  /** A one-time code too. */
  readonly code: boolean;
  /** What to ask a device for, as the server says it; null: there is no passkey for here. */
  readonly passkey: object | null;
  /** Why this browser is not signed in any more. */
  readonly why: string;
}

export type SignInState =
  | { readonly kind: "in" }
  | {
      readonly kind: "asking";
      readonly wanted: Wanted;
      readonly problem: string;
      readonly busy: boolean;
      /** Not before then, by `nowMs`: too many wrong tries. */
      readonly waitUntilMs: number;
    }
  /** Not now: the page can be read, and asks again when somebody wants to. */
  | { readonly kind: "later"; readonly wanted: Wanted }
  /** Somebody else signed in: this page is not theirs. */
  | { readonly kind: "stranger"; readonly user: string };

export type Renewal = "renewed" | "was-in" | "not";

export interface Typed {
  readonly password: string;
  readonly code: string;
  /** Show a passkey too, or in place of the password if there is none. */
  readonly byPasskey?: boolean;
}

export interface SignIn {
  readonly state: ReadonlySignal<SignInState>;
  /** Find out whether the login has ended, and ask if so. Returns whether this browser is signed in. */
  look(): Promise<boolean>;
  /** A request was refused, or seems so: have the login renewed if it has ended. `insist`: also after a "not now". */
  again(insist: boolean): Promise<Renewal>;
  submit(typed: Typed): Promise<void>;
  later(): void;
  /** Somebody else's page: nothing goes on. */
  stranger(user: string): void;
  /** Call after each time that this browser is signed in again. */
  onSignedIn(callback: () => void): void;
}

export interface SignInSurroundings {
  /** Ends with a slash. */
  readonly base: string;
  readonly fetch: typeof fetch;
  nowMs(): number;
  later(delayMs: number, callback: () => void): void;
  /** Whose page this is; empty: unknown. */
  readonly user: string;
  /** Tell the other tabs of this browser. */
  tell(): void;
  /** Have the device show a passkey: its answer as text. Rejects when there was none. */
  showPasskey(options: object, isBesidePassword: boolean): Promise<string>;
}

type Answer =
  | { readonly kind: "in"; readonly user: string }
  | {
      readonly kind: "wanted";
      readonly status: number;
      readonly wanted: Wanted;
      readonly message: string;
      readonly xsrf: string;
      readonly retryS: number;
    }
  | { readonly kind: "unreachable"; readonly message: string };

const FORM_TOO_OLD = 403;
/** A server that cannot be asked is asked again. */
const LOOK_AGAIN_MS = 3_000;

export function makeSignIn(around: SignInSurroundings): SignIn {
  const state = signal<SignInState>({ kind: "in" });
  const callbacks: (() => void)[] = [];
  let waiting: ((renewal: Renewal) => void)[] = [];
  let looking: Promise<boolean> | null = null;

  const settle = (renewal: Renewal): void => {
    const all = waiting;
    waiting = [];
    for (const one of all) one(renewal);
  };
  const stranger = (user: string): void => {
    state.value = { kind: "stranger", user };
    settle("not");
  };
  const signedIn = (user: string): boolean => {
    if (around.user !== "" && user !== around.user) {
      stranger(user);
      return false;
    }
    const was = state.peek().kind;
    state.value = { kind: "in" };
    settle("renewed");
    if (was !== "in") for (const one of callbacks) one();
    return true;
  };
  const send = async (init: RequestInit): Promise<Answer> => {
    try {
      const headers = new Headers({ Accept: "application/json" });
      const response = await around.fetch(`${around.base}login`, {
        ...init,
        headers,
        credentials: "same-origin",
        cache: "no-store",
      });
      return readAnswer(response.status, response.headers.get("Retry-After"), await response.json());
    } catch {
      return { kind: "unreachable", message: strings.serverUnreachable };
    }
  };
  const showPasskey = async (answer: Answer, typed: Typed): Promise<string> => {
    if (typed.byPasskey !== true || answer.kind !== "wanted" || answer.wanted.passkey === null) return "";
    return around.showPasskey(answer.wanted.passkey, typed.password !== "");
  };
  const look = async (): Promise<boolean> => {
    if (state.peek().kind === "stranger") return false;
    const answer = await send({});
    if (answer.kind === "in") return signedIn(answer.user);
    if (answer.kind === "unreachable") around.later(LOOK_AGAIN_MS, () => void run());
    // A dialog that is open stays as it is; so does a "not now".
    if (answer.kind === "wanted" && state.peek().kind === "in") state.value = asking(answer.wanted);
    return false;
  };
  const run = (): Promise<boolean> => {
    looking ??= look().finally(() => {
      looking = null;
    });
    return looking;
  };

  return {
    state,
    look: run,
    async again(insist) {
      const now = state.peek();
      if (now.kind === "stranger") return "not";
      if (now.kind === "later") {
        if (!insist) return "not";
        state.value = asking(now.wanted);
      } else if (now.kind === "in") {
        if (await run()) return "was-in";
        // The server cannot be asked: the request fails for what it was refused for.
        if (state.peek().kind !== "asking") return "not";
      }
      return new Promise(resolve => waiting.push(resolve));
    },
    async submit(typed) {
      const now = state.peek();
      if (now.kind === "later") state.value = asking(now.wanted);
      if (now.kind !== "asking" || now.busy || around.nowMs() < now.waitUntilMs) return;
      state.value = { ...now, busy: true, problem: "" };
      let answer: Answer;
      try {
        answer = await submitForm(send, typed, form => showPasskey(form, typed));
      } catch {
        const still = state.peek();
        if (still.kind === "asking") state.value = { ...still, busy: false, problem: strings.noPasskey };
        return;
      }
      if (answer.kind === "in") {
        if (signedIn(answer.user)) around.tell();
        return;
      }
      const { message } = answer;
      const wanted = answer.kind === "wanted" ? answer.wanted : now.wanted;
      const retryS = answer.kind === "wanted" ? answer.retryS : 0;
      const waitUntilMs = retryS === 0 ? 0 : around.nowMs() + retryS * 1000;
      // Also when it was put off meanwhile: what was typed has its answer.
      state.value = { kind: "asking", wanted, problem: message, busy: false, waitUntilMs };
    },
    later() {
      const now = state.peek();
      if (now.kind === "asking") state.value = { kind: "later", wanted: now.wanted };
      settle("not");
    },
    stranger,
    onSignedIn: callback => {
      callbacks.push(callback);
    },
  };
}

function asking(wanted: Wanted): SignInState {
  return { kind: "asking", wanted, problem: "", busy: false, waitUntilMs: 0 };
}

/** A server that was restarted does not know the form that we got: get another, and send again. */
async function submitForm(
  send: (init: RequestInit) => Promise<Answer>,
  typed: Typed,
  showPasskey: (form: Answer) => Promise<string>,
): Promise<Answer> {
  const { password, code } = typed;
  let answer = await send({});
  for (let tries = 0; tries < 2 && answer.kind === "wanted"; tries += 1) {
    const passkey = await showPasskey(answer);
    const body = new URLSearchParams({ password, code, passkey, _xsrf: answer.xsrf });
    answer = await send({ method: "POST", body });
    if (answer.kind !== "wanted" || answer.status !== FORM_TOO_OLD) break;
    answer = await send({});
  }
  return answer;
}

function readAnswer(status: number, retryAfter: string | null, value: unknown): Answer {
  if (typeof value !== "object" || value === null) throw new Error("not the server's answer");
  const text = (name: string): string => {
    const found: unknown = Reflect.get(value, name);
    return typeof found === "string" ? found : "";
  };
  if (status === 200 && text("user") !== "") return { kind: "in", user: text("user") };
  if (text("reason") !== "login") throw new Error("not the login form");
  const passkey: unknown = Reflect.get(value, "passkey");
  const wanted = {
    passkey: typeof passkey === "object" ? passkey : null,
    wants: text("wants").replace(/ and code$/, ""),
    code: Reflect.get(value, "code") === true,
    why: text("why"),
  };
  const retryS = Number(retryAfter ?? "0") || 0;
  return { kind: "wanted", status, wanted, message: text("message"), xsrf: text("xsrf"), retryS };
}
