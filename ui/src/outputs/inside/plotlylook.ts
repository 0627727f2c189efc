/** Plotly's stock look in the page. Pure. */

import type { Fields } from "./inside.ts";

export interface DarkLook {
  readonly ink: string;
  readonly soft: string;
  readonly rule: string;
  readonly paper: string;
  readonly sunken: string;
}

/**
 * Did nobody choose this template? plotly.py puts its stock one, `plotly`, into every figure.
 *
 * A template that somebody chose is kept, white or not. So are colours of the figure's own layout, which come after a template's.
 */
export function isStockTemplate(template: unknown): boolean {
  const layout = fieldsOf(fieldsOf(template).layout);
  return (
    layout.paper_bgcolor === "white" &&
    layout.plot_bgcolor === "#E5ECF6" &&
    fieldsOf(layout.font).color === "#2a3f5f"
  );
}

/** The stock template with the page's colours in place of its light ones. Its colours for data stay. */
export function darkTemplate(template: Fields, look: DarkLook): Fields {
  const layout = fieldsOf(template.layout);
  const axis = { gridcolor: look.rule, linecolor: look.rule, zerolinecolor: look.rule };
  const polarAxis = { gridcolor: look.rule, linecolor: look.rule };
  const spaceAxis = { ...axis, backgroundcolor: look.sunken };
  const table = [
    {
      type: "table",
      cells: { fill: { color: look.sunken }, line: { color: look.rule } },
      header: { fill: { color: look.rule }, line: { color: look.rule } },
    },
  ];
  return {
    ...template,
    data: { ...fieldsOf(template.data), table },
    layout: {
      ...layout,
      ...merged(layout, {
        font: { color: look.ink },
        xaxis: axis,
        yaxis: axis,
        polar: { bgcolor: look.sunken, angularaxis: polarAxis, radialaxis: polarAxis },
        ternary: { bgcolor: look.sunken, aaxis: polarAxis, baxis: polarAxis, caxis: polarAxis },
        scene: { xaxis: spaceAxis, yaxis: spaceAxis, zaxis: spaceAxis },
        geo: {
          bgcolor: look.paper,
          lakecolor: look.paper,
          landcolor: look.sunken,
          subunitcolor: look.rule,
          countrycolor: look.rule,
          coastlinecolor: look.soft,
        },
        annotationdefaults: { arrowcolor: look.ink },
        shapedefaults: { line: { color: look.ink } },
      }),
      paper_bgcolor: look.paper,
      plot_bgcolor: look.sunken,
    },
  };
}

/** Each of these objects laid over the one of the same name, two levels deep. */
function merged(below: Fields, above: Readonly<Record<string, Fields>>): Fields {
  return Object.fromEntries(
    Object.entries(above).map(([name, fields]) => {
      const own = fieldsOf(below[name]);
      const inner = Object.entries(fields).map(([key, value]): readonly [string, unknown] => [
        key,
        isFields(value) ? { ...fieldsOf(own[key]), ...value } : value,
      ]);
      return [name, { ...own, ...Object.fromEntries(inner) }];
    }),
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}
