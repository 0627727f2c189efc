/** A frame in which one of our libraries draws: it has no origin, reaches no address, and runs only what we hand it. */

import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useOutputSettings } from "../settings.ts";
import { type DrawingSays, readDrawingSays } from "./says.ts";

export interface DrawingFrameProps {
  readonly scripts: () => Promise<readonly Blob[]>;
  /** Posted once the scripts have run, and again whenever it changes. */
  readonly message?: Readonly<Record<string, unknown>>;
  /** Or: called then, with what posts; what it returns is called when the frame goes. */
  readonly onStarted?: (post: (message: Readonly<Record<string, unknown>>) => void) => () => void;
  readonly label: string;
  readonly height: number;
  /** The reader let it load from other hosts. */
  readonly remote: boolean;
  readonly onSays: (says: DrawingSays) => void;
}

export function DrawingFrame(props: DrawingFrameProps) {
  const { drawingUrl } = useOutputSettings();
  const frame = useRef<HTMLIFrameElement>(null);
  const started = useRef(false);
  const now = useRef(props);
  now.current = props;

  // Before the browser paints: a frame that was kept speaks at once.
  useLayoutEffect(() => {
    let isGone = false;
    let stop: (() => void) | undefined;
    const listen = (event: MessageEvent) => {
      const inside = frame.current?.contentWindow;
      // Opaque origins all read "null", so the window itself is what tells a frame from a stranger.
      if (!inside || event.source !== inside) return;
      const says = readDrawingSays(event.data);
      if (says?.kind === "ready") {
        now.current.scripts().then(
          scripts => {
            if (!isGone) inside.postMessage({ carnet: "scripts", scripts }, "*");
          },
          () => {
            if (!isGone) now.current.onSays({ kind: "failed", why: "A part of the page did not load." });
          },
        );
      } else if (says?.kind === "started") {
        started.current = true;
        if (now.current.message !== undefined) inside.postMessage(now.current.message, "*");
        stop = now.current.onStarted?.(message => inside.postMessage(message, "*"));
      } else if (says?.kind === "save") {
        // Only a press does this: a frame that is pressed makes the page active too.
        if (navigator.userActivation?.isActive !== false) savePicture(says.name, says.picture);
      } else if (says !== undefined) now.current.onSays(says);
    };
    window.addEventListener("message", listen);
    return () => {
      isGone = true;
      stop?.();
      window.removeEventListener("message", listen);
    };
  }, []);

  const { message } = props;
  useEffect(() => {
    if (started.current && message !== undefined) frame.current?.contentWindow?.postMessage(message, "*");
  }, [message]);

  return (
    <iframe
      ref={frame}
      class="output-frame"
      sandbox="allow-scripts"
      src={drawingUrl(props.remote)}
      title={props.label}
      referrerpolicy="no-referrer"
      style={{ height: `${props.height}px` }}
    />
  );
}

function savePicture(name: string, picture: Blob): void {
  const address = URL.createObjectURL(picture);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
