/** Is this element near the screen? */

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

const MARGIN_PX = 800;

/** Once it was near, it stays so. */
export function useNear(element: RefObject<Element | null>): boolean {
  const [near, setNear] = useState(typeof IntersectionObserver === "undefined");
  useEffect(() => {
    if (near || element.current === null) return;
    const observer = new IntersectionObserver(
      entries => {
        if (entries.some(entry => entry.isIntersecting)) setNear(true);
      },
      { rootMargin: `${MARGIN_PX}px` },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [near, element]);
  return near;
}

/** Near now: what costs much while it is there goes when it is left. */
export function useNearNow(element: RefObject<Element | null>): boolean {
  const [near, setNear] = useState(typeof IntersectionObserver === "undefined");
  useEffect(() => {
    if (element.current === null || typeof IntersectionObserver === "undefined") return;
    const observer = new IntersectionObserver(entries => setNear(entries.at(-1)?.isIntersecting === true), {
      rootMargin: `${MARGIN_PX}px`,
    });
    observer.observe(element.current);
    // What is printed is drawn, wherever it stands.
    const print = () => setNear(true);
    addEventListener("beforeprint", print);
    return () => {
      removeEventListener("beforeprint", print);
      observer.disconnect();
    };
  }, [element]);
  return near;
}
