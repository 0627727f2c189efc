/** Pictures, with their room reserved. SVG is shown as a picture too, which makes it inert. */

import { useEffect, useMemo, useState } from "preact/hooks";
import type { BlobRef, Json } from "../core/wire.ts";
import { type ImageSize, imageSize } from "./imagesize.ts";
import { metadataOf, textOf } from "./mime.ts";
import { useOutputSettings, useRenewals } from "./settings.ts";

interface PictureProps {
  readonly mime: string;
  readonly metadata: Readonly<Record<string, Json>>;
  readonly alt: string;
}

/** Sizes of pictures seen before, by address: a blob never changes. */
const seenSizes = new Map<string, ImageSize>();

export function ImageData(props: PictureProps & { readonly value: Json }) {
  const base64 = textOf(props.value);
  const size = useMemo(() => imageSize(base64), [base64]);
  return <Picture {...props} source={`data:${props.mime};base64,${base64.replace(/\s/g, "")}`} size={size} />;
}

export function ImageBlob(props: PictureProps & { readonly blob: BlobRef }) {
  const source = useOutputSettings().blobUrl(props.blob);
  return <Picture {...props} source={source} size={seenSizes.get(source)} />;
}

export function SvgImage(props: Omit<PictureProps, "mime"> & { readonly text: string }) {
  const [source, setSource] = useState<string>();
  useEffect(() => {
    const url = URL.createObjectURL(new Blob([props.text], { type: "image/svg+xml" }));
    setSource(url);
    return () => URL.revokeObjectURL(url);
  }, [props.text]);
  const size = useMemo(() => svgSize(props.text), [props.text]);
  return (
    <Picture mime="image/svg+xml" metadata={props.metadata} alt={props.alt} source={source} size={size} />
  );
}

function Picture(
  props: PictureProps & { readonly source: string | undefined; readonly size: ImageSize | undefined },
) {
  const renewals = useRenewals();
  const [failedAt, setFailedAt] = useState(-1);
  const width = asNumber(metadataOf(props.metadata, props.mime, "width"));
  const height = asNumber(metadataOf(props.metadata, props.mime, "height"));
  const shown = reserve(width, height, props.size);
  const background = metadataOf(props.metadata, props.mime, "needs_background");
  // A picture in a page that was signed out is there again when it is signed in.
  if (failedAt === renewals)
    return <p class="output-note">This picture ({props.mime}) cannot be drawn: its data is damaged.</p>;
  return (
    <img
      class="output-image"
      src={props.source}
      alt={props.alt}
      width={shown?.width}
      height={shown?.height}
      data-background={background === "light" || background === "dark" ? background : undefined}
      decoding="async"
      draggable={false}
      onError={() => setFailedAt(renewals)}
      onLoad={event => {
        const { naturalWidth, naturalHeight } = event.currentTarget;
        if (
          props.source?.startsWith("data:") ||
          props.source?.startsWith("blob:") ||
          props.source === undefined
        )
          return;
        seenSizes.set(props.source, { width: naturalWidth, height: naturalHeight });
      }}
    />
  );
}

/** Width and height to reserve: what was asked for, completed from the picture's own proportions. */
export function reserve(width: number | undefined, height: number | undefined, own: ImageSize | undefined) {
  if (width !== undefined && height !== undefined) return { width, height };
  if (own === undefined) return width === undefined && height === undefined ? undefined : { width, height };
  if (width !== undefined) return { width, height: Math.round((width * own.height) / own.width) };
  if (height !== undefined) return { width: Math.round((height * own.width) / own.height), height };
  return own;
}

function asNumber(value: Json | undefined): number | undefined {
  const number = typeof value === "string" ? Number.parseFloat(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number > 0 ? number : undefined;
}

/** The size that the root element asks for, in CSS pixels. */
export function svgSize(text: string): ImageSize | undefined {
  const root = /<svg\b[^>]*>/i.exec(text)?.[0] ?? "";
  const length = (name: string): number | undefined => {
    const match = new RegExp(`\\s${name}\\s*=\\s*["']\\s*([0-9.]+)\\s*(px|pt|in|cm|mm)?\\s*["']`, "i").exec(
      root,
    );
    const perUnit: Readonly<Record<string, number>> = {
      px: 1,
      pt: 96 / 72,
      in: 96,
      cm: 96 / 2.54,
      mm: 96 / 25.4,
    };
    const scale = perUnit[match?.[2]?.toLowerCase() ?? "px"];
    return match?.[1] === undefined || scale === undefined ? undefined : Number(match[1]) * scale;
  };
  const [width, height] = [length("width"), length("height")];
  if (width && height) return { width: Math.round(width), height: Math.round(height) };
  const box = /\sviewBox\s*=\s*["']\s*[-0-9.]+[\s,]+[-0-9.]+[\s,]+([0-9.]+)[\s,]+([0-9.]+)/i.exec(root);
  const [boxWidth, boxHeight] = [Number(box?.[1]), Number(box?.[2])];
  return boxWidth > 0 && boxHeight > 0
    ? { width: Math.round(boxWidth), height: Math.round(boxHeight) }
    : undefined;
}
