/**
 * One tooltip for the page: whatever has `data-tip` gets it on hover (after a moment) and on keyboard focus.
 * It only repeats what `aria-label` says, so that nothing is lost on a touch screen.
 */

import { useEffect, useRef, useState } from "preact/hooks";
import { placeBeside } from "./place.ts";

const DELAY_MS = 500;

export function TooltipHost() {
  const [target, setTarget] = useState<HTMLElement | null>(null);
  const box = useRef<HTMLDivElement>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hide = () => {
      clearTimeout(timer);
      setTarget(null);
    };
    const over = (event: PointerEvent) => {
      if (event.pointerType !== "mouse") return;
      const found = tipped(event.target);
      clearTimeout(timer);
      if (found === null) setTarget(null);
      else timer = setTimeout(() => setTarget(found), DELAY_MS);
    };
    const focus = (event: FocusEvent) => {
      const found = tipped(event.target);
      setTarget(found?.matches(":focus-visible") ? found : null);
    };
    document.addEventListener("pointerover", over);
    document.addEventListener("pointerdown", hide, true);
    document.addEventListener("keydown", hide, true);
    document.addEventListener("focusin", focus);
    window.addEventListener("scroll", hide, true);
    return () => {
      hide();
      document.removeEventListener("pointerover", over);
      document.removeEventListener("pointerdown", hide, true);
      document.removeEventListener("keydown", hide, true);
      document.removeEventListener("focusin", focus);
      window.removeEventListener("scroll", hide, true);
    };
  }, []);

  useEffect(() => {
    const element = box.current;
    if (element === null || target === null) return;
    element.showPopover?.();
    const { left, top } = placeBeside(target.getBoundingClientRect(), element.getBoundingClientRect(), {
      width: document.documentElement.clientWidth,
      height: window.innerHeight,
    });
    element.style.left = `${left}px`;
    element.style.top = `${top}px`;
  }, [target]);

  const text = target?.isConnected ? target.dataset.tip : undefined;
  if (text === undefined || text === "") return null;
  return (
    <div ref={box} class="tooltip" popover="manual" aria-hidden="true">
      {text}
    </div>
  );
}

function tipped(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[data-tip]") : null;
}
