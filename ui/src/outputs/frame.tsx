/** Output with scripts, in a frame of opaque origin. It can draw and react; it cannot see or reach the page. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { hostsOf } from "./active.ts";
import { type FrameLook, framePage, readFrame } from "./framepage.ts";
import { useOutputSettings } from "./settings.ts";

/** Heights of frames seen before, so that scrolling back does not move the page. */
const seenHeights = new Map<string, number>();
const SEEN_LIMIT = 500;
const FIRST_HEIGHT_PX = 160;

export function OutputFrame({ body, label }: { readonly body: string; readonly label: string }) {
  const { frameUrl } = useOutputSettings();
  const frame = useRef<HTMLIFrameElement>(null);
  const key = useMemo(() => `${body.length}:${body.slice(0, 200)}:${body.slice(-200)}`, [body]);
  const [height, setHeight] = useState(seenHeights.get(key) ?? FIRST_HEIGHT_PX);
  const [remote, setRemote] = useState(false);
  const hosts = useMemo(() => hostsOf(body), [body]);

  // Before the browser paints: a frame that was kept speaks at once.
  useLayoutEffect(() => {
    const listen = (event: MessageEvent) => {
      // Opaque origins all read "null", so the window itself is what tells a frame from a stranger.
      if (frame.current === null || event.source !== frame.current.contentWindow) return;
      const says = readFrame(event.data);
      if (says?.kind === "ready") {
        const page = framePage(body, lookOf(frame.current));
        frame.current.contentWindow?.postMessage({ carnet: "page", page }, "*");
      } else if (says?.kind === "height") {
        if (seenHeights.size >= SEEN_LIMIT) seenHeights.clear();
        seenHeights.set(key, says.px);
        setHeight(says.px);
      }
    };
    window.addEventListener("message", listen);
    return () => window.removeEventListener("message", listen);
  }, [body, key]);

  return (
    <>
      {hosts.length > 0 && !remote && (
        <p class="output-note">
          This output wants to load from {hosts.join(", ")}.{" "}
          <button type="button" class="button" data-kind="link" onClick={() => setRemote(true)}>
            Let it
          </button>
        </p>
      )}
      <iframe
        key={`${key}:${remote}`}
        ref={frame}
        class="output-frame"
        sandbox="allow-scripts"
        src={frameUrl(remote)}
        title={label}
        referrerpolicy="no-referrer"
        style={{ height: `${height}px` }}
      />
    </>
  );
}

function lookOf(element: Element): FrameLook {
  const style = getComputedStyle(element);
  const accent = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  return {
    ink: style.color,
    font: style.fontFamily.replaceAll('"', "'"),
    size: style.fontSize,
    link: /^[\w#(),.% -]+$/.test(accent) ? accent : "inherit",
  };
}
