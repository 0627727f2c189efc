/** The size that an image's own header tells, so that its room is there before it is decoded. Pure. */

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Headers stand in the first bytes; a JPEG's may stand behind a large profile. */
export const HEADER_CHARACTERS = 64 * 1024;

export function imageSize(base64: string): ImageSize | undefined {
  const head = base64.slice(0, HEADER_CHARACTERS).replace(/\s/g, "");
  let bytes: Uint8Array;
  try {
    const text = atob(head.slice(0, head.length - (head.length % 4)));
    bytes = Uint8Array.from(text, character => character.charCodeAt(0));
  } catch {
    return undefined;
  }
  const view = new DataView(bytes.buffer);
  const size = png(view) ?? gif(view) ?? jpeg(view) ?? webp(view);
  return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
}

function png(view: DataView): ImageSize | undefined {
  if (view.byteLength < 24 || view.getUint32(0) !== 0x89504e47) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

function gif(view: DataView): ImageSize | undefined {
  if (view.byteLength < 10 || view.getUint32(0) !== 0x47494638) return undefined;
  return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

function jpeg(view: DataView): ImageSize | undefined {
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 9 < view.byteLength) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return undefined;
}

function webp(view: DataView): ImageSize | undefined {
  if (view.byteLength < 30 || view.getUint32(0) !== 0x52494646 || view.getUint32(8) !== 0x57454250)
    return undefined;
  switch (view.getUint32(12)) {
    case 0x56503820:
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 0x5650384c: {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case 0x56503858:
      return { width: triple(view, 24) + 1, height: triple(view, 27) + 1 };
    default:
      return undefined;
  }
}

function triple(view: DataView, at: number): number {
  return view.getUint8(at) | (view.getUint8(at + 1) << 8) | (view.getUint8(at + 2) << 16);
}
