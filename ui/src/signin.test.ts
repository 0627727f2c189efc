import { expect, test } from "vitest";
import { makeSignIn } from "./signin.ts";

interface Step {
  readonly status?: number;
  readonly value: unknown;
  readonly retryAfter?: string;
}

const WHY = "You signed out in another tab.";
const form = (message = "", code = false) => ({
  message,
  reason: "login",
  wants: code ? "Password and code" : "Password",
  code,
  passkey: null,
  why: WHY,
  xsrf: "form",
});
const wanted = { wants: "Password", code: false, passkey: null, why: WHY };

/** A server that gives these answers, one after another; null: it is not there. */
function aPage(answers: (Step | null)[], user = "ada") {
  const sent: string[] = [];
  const later: (() => void)[] = [];
  const counts = { told: 0, in: 0 };
  const clock = { nowMs: 1_000 };
  const device: { shows: string | null } = { shows: null };
  const signIn = makeSignIn({
    base: "https://h/x/",
    user,
    nowMs: () => clock.nowMs,
    later: (_delayMs, callback) => later.push(callback),
    showPasskey: async (_options, isBesidePassword) => {
      if (device.shows === null) throw new Error("nothing shown");
      return `${device.shows} ${isBesidePassword ? "beside" : "alone"}`;
    },
    tell: () => {
      counts.told += 1;
    },
    fetch: async (address, init) => {
      sent.push(`${init?.method ?? "GET"} ${address} ${init?.body ?? ""}`.trim());
      const step = answers.shift();
      if (step === undefined) throw new Error("asked too often");
      if (step === null) throw new TypeError("fetch failed");
      const headers = new Headers(step.retryAfter === undefined ? {} : { "Retry-After": step.retryAfter });
      return new Response(JSON.stringify(step.value), { status: step.status ?? 200, headers });
    },
  });
  signIn.onSignedIn(() => {
    counts.in += 1;
  });
  return { signIn, sent, later, counts, clock, device };
}

const IN = { value: { user: "ada", xsrf: "login" } };

test("who looks and is signed in is not asked", async () => {
  const { signIn, counts } = aPage([IN]);
  expect(await signIn.look()).toBe(true);
  expect(signIn.state.value).toEqual({ kind: "in" });
  expect(counts.in).toBe(0);
});

test("ac39 a login that ended is asked for, and the requests that wait go on", async () => {
  const { signIn, sent, counts } = aPage([{ value: form() }, { value: form() }, IN]);
  const waiting = [signIn.again(false), signIn.again(true)];
  await Promise.resolve();
  while (signIn.state.peek().kind === "in") await new Promise(resolve => setTimeout(resolve));
  expect(signIn.state.value).toEqual({ kind: "asking", wanted, problem: "", busy: false, waitUntilMs: 0 });
  await signIn.submit({ password: "a b", code: "" });
  expect(await Promise.all(waiting)).toEqual(["renewed", "renewed"]);
  expect(sent).toEqual([
    "GET https://h/x/login",
    "GET https://h/x/login",
    "POST https://h/x/login password=a+b&code=&passkey=&_xsrf=form",
  ]);
  expect(signIn.state.value).toEqual({ kind: "in" });
  expect(counts).toEqual({ told: 1, in: 1 });
});

test("a wrong password is said, a code is asked for where one is wanted, and a wait is kept", async () => {
  const { signIn, clock, sent } = aPage([
    { value: form() },
    { value: form("", true) },
    { status: 401, value: form("That is not the password and code.", true) },
    { value: form("", true) },
    { status: 429, value: form("Too many wrong tries.", true), retryAfter: "12" },
  ]);
  await signIn.look();
  await signIn.submit({ password: "wrong", code: "" });
  expect(signIn.state.value).toEqual({
    kind: "asking",
    wanted: { ...wanted, code: true },
    problem: "That is not the password and code.",
    busy: false,
    waitUntilMs: 0,
  });
  await signIn.submit({ password: "wrong", code: "1" });
  expect(signIn.state.value).toMatchObject({ problem: "Too many wrong tries.", waitUntilMs: 13_000 });
  // Nothing goes out before the time has come.
  const asked = sent.length;
  clock.nowMs = 12_999;
  await signIn.submit({ password: "right", code: "1" });
  expect(sent).toHaveLength(asked);
});

test("a server that was restarted knows no form: another one is fetched, and it goes again by itself", async () => {
  const { signIn, sent } = aPage([
    { value: form() },
    { value: form() },
    { status: 403, value: form("This form was too old. Try again.") },
    { value: { ...form(), xsrf: "fresh" } },
    IN,
  ]);
  await signIn.look();
  await signIn.submit({ password: "p", code: "" });
  expect(sent.at(-1)).toBe("POST https://h/x/login password=p&code=&passkey=&_xsrf=fresh");
  expect(signIn.state.value).toEqual({ kind: "in" });
});

test("ac39 not now: what waits fails, what happens by itself does not ask, what somebody does asks", async () => {
  const { signIn } = aPage([{ value: form() }, { value: form() }, IN]);
  await signIn.look();
  const first = signIn.again(false);
  signIn.later();
  expect(await first).toBe("not");
  expect(signIn.state.value).toEqual({ kind: "later", wanted });
  expect(await signIn.again(false)).toBe("not");
  const second = signIn.again(true);
  expect(signIn.state.value.kind).toBe("asking");
  await signIn.submit({ password: "p", code: "" });
  expect(await second).toBe("renewed");
});

test("another tab that signs in is enough", async () => {
  const { signIn, counts } = aPage([{ value: form() }, IN]);
  await signIn.look();
  const waiting = signIn.again(false);
  await signIn.look();
  expect(await waiting).toBe("renewed");
  expect(counts).toEqual({ told: 0, in: 1 });
});

test("ac39 somebody else is told so, and nothing goes on", async () => {
  const { signIn, counts } = aPage([{ value: form() }, { value: form() }, { value: { user: "eve" } }]);
  await signIn.look();
  const waiting = signIn.again(true);
  await signIn.submit({ password: "p", code: "" });
  expect(await waiting).toBe("not");
  expect(signIn.state.value).toEqual({ kind: "stranger", user: "eve" });
  expect([await signIn.look(), await signIn.again(true)]).toEqual([false, "not"]);
  expect(counts).toEqual({ told: 0, in: 0 });
});

test("a server that is not there is asked again, and a proxy's page is no answer", async () => {
  const { signIn, later } = aPage([null, { value: "<html>" }, { value: form() }, null]);
  expect(await signIn.look()).toBe(false);
  expect(signIn.state.value).toEqual({ kind: "in" });
  later.shift()?.();
  await signIn.look();
  later.shift()?.();
  await signIn.look();
  expect(signIn.state.value.kind).toBe("asking");
  await signIn.submit({ password: "p", code: "" });
  expect(signIn.state.value).toMatchObject({ problem: "The server cannot be reached.", busy: false });
});

test("ac54 a passkey in place of the password, or beside it", async () => {
  const asked = { ...form(), passkey: { challenge: "c", rpId: "localhost" } };
  const { signIn, sent, device } = aPage([
    { value: asked },
    { value: asked },
    { value: asked },
    { status: 401, value: { ...asked, message: "Type the password as well." } },
    { value: asked },
    IN,
  ]);
  await signIn.look();
  // The device is put away again.
  await signIn.submit({ password: "", code: "", byPasskey: true });
  expect(signIn.state.value).toMatchObject({ kind: "asking", busy: false });
  expect(signIn.state.value).toHaveProperty(
    "problem",
    "No passkey was shown. Try again, or type the password.",
  );
  device.shows = "key";
  await signIn.submit({ password: "", code: "", byPasskey: true });
  expect(signIn.state.value).toMatchObject({ problem: "Type the password as well." });
  await signIn.submit({ password: "p", code: "", byPasskey: true });
  expect(signIn.state.value).toEqual({ kind: "in" });
  expect(sent.filter(one => one.startsWith("POST")).map(one => one.split(" ")[2])).toEqual([
    "password=&code=&passkey=key+alone&_xsrf=form",
    "password=p&code=&passkey=key+beside&_xsrf=form",
  ]);
});
