/** Where a floating box goes so that it stays on the screen. Pure. */

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const EDGE_PX = 8;

/** Below the anchor and aligned with its left edge; above it, or to the left, when there is no room. */
export function placeBeside(anchor: Box, size: Size, screen: Size, gap = 4): { left: number; top: number } {
  const below = anchor.bottom + gap;
  const above = anchor.top - gap - size.height;
  const top = below + size.height <= screen.height - EDGE_PX || above < EDGE_PX ? below : above;
  return {
    left: clamp(anchor.left, EDGE_PX, screen.width - size.width - EDGE_PX),
    top: clamp(top, EDGE_PX, screen.height - size.height - EDGE_PX),
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
