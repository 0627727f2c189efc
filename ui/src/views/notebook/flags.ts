/** What this browser remembers of how somebody likes the notebook page. */

type Flag = "outline";

export function loadFlag(flag: Flag): boolean {
  try {
    return localStorage.getItem(`carnet.${flag}`) === "on";
  } catch {
    return false; // a browser that keeps nothing
  }
}

export function keepFlag(flag: Flag, on: boolean): void {
  try {
    localStorage.setItem(`carnet.${flag}`, on ? "on" : "off");
  } catch {
    // It holds until the page is closed.
  }
}
