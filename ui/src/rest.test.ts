import { expect, test } from "vitest";
import { makeRest, RestError, xsrfToken } from "./rest.ts";
import type { Renewal } from "./signin.ts";

function restWith(answer: () => Response | Promise<Response>, cookies = "", renewal: Renewal = "not") {
  const asked: boolean[] = [];
  const calls: { readonly address: string; readonly init: RequestInit }[] = [];
  const rest = makeRest({
    base: "https://h/x/",
    fetch: async (address, init) => {
      calls.push({ address: String(address), init: init ?? {} });
      return answer();
    },
    xsrf: () => "from-page",
    cookies: () => cookies,
    signInAgain: async insist => {
      asked.push(insist);
      return renewal;
    },
  });
  return { rest, calls, asked };
}

test("addresses are below the base, and each part of a path is escaped", () => {
  expect(restWith(() => new Response()).rest.url("api/contents", "a b/ü#.ipynb")).toBe(
    "https://h/x/api/contents/a%20b/%C3%BC%23.ipynb",
  );
});

test("what changes something carries the token, what reads does not", async () => {
  const { rest, calls } = restWith(() => new Response("{}"));
  await rest.request("GET", "api/me");
  await rest.request("POST", "api/contents", "", { json: { type: "notebook" } });
  const headers = calls.map(call => new Headers(call.init.headers).get("X-XSRFToken"));
  expect(headers).toEqual([null, "from-page"]);
  expect(calls[1]?.init.body).toBe('{"type":"notebook"}');
});

test("the cookie's token is newer than the page's", async () => {
  const { rest, calls } = restWith(() => new Response(null, { status: 204 }), "a=b; _xsrf=2%7Cx");
  expect(await rest.request("DELETE", "api/contents", "a")).toBeUndefined();
  expect(new Headers(calls[0]?.init.headers).get("X-XSRFToken")).toBe("2|x");
});

test("an error is a sentence: the server's own, or ours for its status", async () => {
  const said = restWith(() => new Response('{"message":"a.ipynb is gone."}', { status: 404 }));
  await expect(said.rest.request("GET", "api/contents", "a.ipynb")).rejects.toThrow("a.ipynb is gone.");
  const proxy = restWith(() => new Response("<html>", { status: 502 }));
  await expect(proxy.rest.request("GET", "api/me")).rejects.toEqual(
    new RestError(502, "The server is not running behind its proxy."),
  );
});

test("no network is an error of status 0, and no JSON one that says so", async () => {
  const dead = restWith(() => Promise.reject(new TypeError("fetch failed")));
  await expect(dead.rest.request("GET", "api/me")).rejects.toMatchObject({ status: 0 });
  const portal = restWith(() => new Response("<html>log in to the wifi"));
  await expect(portal.rest.request("GET", "api/me")).rejects.toThrow("not JSON");
});

const signedOut = '{"message":"Sign in first.","reason":"login"}';

test("ac39 a request that was refused for its login goes again after signing in, with the new token", async () => {
  const cookies = { now: "_xsrf=old" };
  const answers = [new Response(signedOut, { status: 403 }), new Response('{"ok":1}')];
  const tokens: (string | null)[] = [];
  const rest = makeRest({
    base: "https://h/",
    fetch: async (_address, init) => {
      tokens.push(new Headers(init?.headers).get("X-XSRFToken"));
      return answers.shift() ?? new Response(null, { status: 500 });
    },
    xsrf: () => null,
    cookies: () => cookies.now,
    signInAgain: async () => {
      cookies.now = "_xsrf=new";
      return "renewed";
    },
  });
  expect(await rest.request("PUT", "files", "a", { body: "text" })).toEqual({ ok: 1 });
  expect(tokens).toEqual(["old", "new"]);
});

test("ac39 not now: the request fails; only what somebody did asks again", async () => {
  const { rest, calls, asked } = restWith(() => new Response(signedOut, { status: 403 }));
  await expect(rest.request("GET", "api/sessions")).rejects.toMatchObject({ status: 403, reason: "login" });
  await expect(rest.request("POST", "api/contents")).rejects.toThrow("Sign in first.");
  expect(asked).toEqual([false, true]);
  expect(calls).toHaveLength(2);
});

test("ac39 a body that was cut off goes again only if it was refused for its login", async () => {
  const cut = () => Promise.reject(new TypeError("fetch failed"));
  const lost = restWith(cut, "", "was-in");
  await expect(lost.rest.request("PUT", "files", "a", { body: "text" })).rejects.toMatchObject({ status: 0 });
  expect(lost.calls).toHaveLength(1);
  const refused = restWith(cut, "", "renewed");
  await expect(refused.rest.request("PUT", "files", "a", { body: "text" })).rejects.toThrow();
  expect(refused.calls).toHaveLength(2);
});

test("the xsrf cookie is found among others", () => {
  expect(xsrfToken("_xsrf=a=b; c=d")).toBe("a=b");
  expect(xsrfToken("x_xsrf=1")).toBeUndefined();
});

test("a download has the server's name for it, and what is wrong with it is an error", async () => {
  const headers = { "Content-Disposition": "attachment; filename=\"d_a.md\"; filename*=UTF-8''d%C3%ADa.md" };
  const { rest, calls } = restWith(() => new Response("# text", { headers }));
  const file = await rest.file("nbconvert/markdown", "a b.ipynb");
  expect([file.name, await file.blob.text()]).toEqual(["día.md", "# text"]);
  expect(calls[0]?.address).toBe("https://h/x/nbconvert/markdown/a%20b.ipynb?download=1");

  const refused = restWith(() => new Response('{"message":"No pandoc."}', { status: 501 })).rest;
  await expect(refused.file("nbconvert/rst", "n.ipynb")).rejects.toThrow("No pandoc.");
});
