/**
 * Where the page starts: which view this address shows, and the things every view is given.
 *
 * Each view is a chunk of its own; the dashboard loads neither link nor editor.
 */

import type { AppContext, View } from "./context.ts";
import { drawByFrames } from "./draw.ts";
import type { makeClient as makeLinkClient } from "./link/browser.ts";
import { showPasskey } from "./passkey.ts";
import { makeRest, xsrfToken } from "./rest.ts";
import { makeSignIn } from "./signin.ts";
import { mountSignIn } from "./views/signin.tsx";
import "./common.ts";

drawByFrames();

function meta(name: string): string | null {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? null;
}

const EXTRAS = ["export", "lab", "terminals"] as const;

const base = new URL(meta("carnet-base-url") ?? "/", location.href).href;
// Bound: a browser's fetch minds what it is called on.
const bound: typeof fetch = (address, init) => fetch(address, init);
const tabs = new BroadcastChannel(`carnet-login ${base}`);
const signIn = makeSignIn({
  base,
  fetch: bound,
  nowMs: () => Date.now(),
  later: (delayMs, callback) => void setTimeout(callback, delayMs),
  user: meta("carnet-user") ?? "",
  tell: () => tabs.postMessage("signed in"),
  showPasskey,
});
tabs.onmessage = () => {
  if (signIn.state.peek().kind !== "in") void signIn.look();
};
const rest = makeRest({
  base,
  fetch: bound,
  xsrf: () => meta("carnet-xsrf"),
  cookies: () => document.cookie,
  signInAgain: insist => signIn.again(insist),
});

const words = (meta("carnet-extras") ?? "").split(" ");
const extras = EXTRAS.filter(extra => words.includes(extra));

/** The first part of the address below the base: which kind of place it names. */
function placeKind(): string {
  return location.href.startsWith(base)
    ? (location.pathname.slice(new URL(base).pathname.length).split("/")[0] ?? "")
    : "";
}

/** The link of this page, and what of it every view may know. Its code comes with the views that need it. */
function link(makeClient: typeof makeLinkClient) {
  const { client, way } = makeClient(base, {
    version: meta("carnet-version"),
    xsrf: () => xsrfToken(document.cookie) ?? meta("carnet-xsrf"),
    closed: mayGoOn =>
      // Meanwhile another tab may have signed in.
      void signIn.look().then(isIn => {
        if (isIn && mayGoOn) client.signedIn();
      }),
    stranger: user => signIn.stranger(user),
  });
  signIn.onSignedIn(() => client.signedIn());
  const { newVersion, roundTripMs } = client;
  return { client, connected: { newVersion, connection: { way, roundTripMs } } };
}

async function load(): Promise<{ readonly view: View; readonly context: AppContext }> {
  const plain: AppContext = {
    base,
    rest,
    signIn,
    extras,
    newVersion: null,
    connection: null,
    openNotebook: path => {
      throw new Error(`Only the notebook page follows notebooks, so not ${path} here.`);
    },
    openTerminal: name => {
      throw new Error(`Only the terminal page shows terminals, so not ${name} here.`);
    },
  };
  switch (placeKind()) {
    case "notebooks": {
      const { view, makeClient } = await import("./notebookpage.ts");
      const { client, connected } = link(makeClient);
      return { view, context: { ...plain, ...connected, openNotebook: path => client.openNotebook(path) } };
    }
    case "terminals": {
      const { view, makeClient } = await import("./terminalpage.ts");
      const { client, connected } = link(makeClient);
      return { view, context: { ...plain, ...connected, openTerminal: name => client.openTerminal(name) } };
    }
    case "edit":
    case "view":
      return { view: (await import("./views/file/index.tsx")).view, context: plain };
    default:
      return { view: (await import("./views/dashboard/index.tsx")).view, context: plain };
  }
}

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (root === null) throw new Error("The page has no element with the id `app`.");
  try {
    const { view, context } = await load();
    view.mount(root, context);
    mountSignIn(signIn);
  } catch (error) {
    // A chunk that does not come: the server was upgraded since, or the network is gone.
    root.textContent = "This page could not be loaded. Check the connection, and load it again.";
    throw error;
  }
}

void start();
