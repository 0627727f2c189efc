/**
 * The page inside an output's frame, and what the frame may say to us. Pure.
 *
 * The frame has an opaque origin (`sandbox="allow-scripts"`), and the response of its address carries the same
 * sandbox, with a policy that forbids every address but data: and blob:, unless the reader allowed other hosts.
 * The frame says two things, `ready` and `height`; anything else is ignored. Rules XS10 to XS14: docs/specs/outputs.md.
 */

export interface FrameLook {
  readonly ink: string;
  readonly font: string;
  readonly size: string;
  readonly link: string;
}

export type FrameSays = { readonly kind: "ready" } | { readonly kind: "height"; readonly px: number };

export const MOST_HEIGHT_PX = 4000;

/** Tells the height of what is drawn, whenever it changes. */
const REPORTER = `
(function () {
  var last = -1;
  function tell() {
    var root = document.documentElement, body = document.body;
    var px = Math.ceil(Math.max(body ? body.getBoundingClientRect().bottom : 0, body ? body.scrollHeight : 0));
    if (px !== last) { last = px; parent.postMessage({ carnet: "height", px: px }, "*"); }
  }
  if (window.ResizeObserver) { var o = new ResizeObserver(tell); o.observe(document.documentElement); if (document.body) o.observe(document.body); }
  addEventListener("load", tell); setTimeout(tell, 0); setTimeout(tell, 500); setInterval(tell, 2000);
})();`;

export function framePage(body: string, look: FrameLook): string {
  return `<!doctype html><html><head><meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<style>html,body{margin:0;padding:0;background:transparent;color:${look.ink};font:${look.size}/1.5 ${look.font}}a{color:${look.link}}body{overflow-x:auto;overflow-y:hidden}img,svg,canvas{max-width:100%}</style>
</head><body>${body}<script>${REPORTER}</script></body></html>`;
}

/** A JavaScript output as a page's body. `element` is what IPython's users know: where to draw. */
export function scriptBody(code: string): string {
  const inert = code.replace(/<\/(script)/gi, "<\\/$1").replace(/<!--/g, "<\\!--");
  return `<div id="output"></div><script>var element = document.getElementById("output");</script><script>${inert}</script>`;
}

/** Read a message of a frame; undefined: not one of ours. Sizes are clamped. */
export function readFrame(data: unknown): FrameSays | undefined {
  if (typeof data !== "object" || data === null || !("carnet" in data)) return undefined;
  if (data.carnet === "ready") return { kind: "ready" };
  if (data.carnet !== "height" || !("px" in data) || typeof data.px !== "number") return undefined;
  if (!Number.isFinite(data.px)) return undefined;
  return { kind: "height", px: Math.max(0, Math.min(MOST_HEIGHT_PX, Math.round(data.px))) };
}
