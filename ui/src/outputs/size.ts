/** Sizes as people say them. Pure. */

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** `912 bytes`, `41 kB`, `1.3 GB`. */
export function sizeInWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  if (bytes === 1) return "1 byte";
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
