/** Comma- and tab-separated values, as RFC 4180 says and spreadsheets write. Pure. */

export function parseTable(text: string, limitRows: number): readonly (readonly string[])[] {
  const separator = separatorOf(text);
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  for (let at = text.startsWith("\ufeff") ? 1 : 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted) {
      if (character !== '"') field += character;
      else if (text[at + 1] === '"') {
        field += '"';
        at += 1;
      } else quoted = false;
    } else if (character === '"' && field === "") quoted = true;
    else if (character === separator) {
      row.push(field);
      field = "";
    } else if (character === "\n" || character === "\r") {
      if (character === "\r" && text[at + 1] === "\n") at += 1;
      rows.push([...row, field]);
      row = [];
      field = "";
      if (rows.length >= limitRows) return rows;
    } else field += character;
  }
  if (field !== "" || row.length > 0) rows.push([...row, field]);
  return rows;
}

/** The separator that the first line has most of. */
function separatorOf(text: string): string {
  const line = text.slice(0, Math.max(0, text.search(/[\r\n]|$/)));
  const counts = [",", ";", "\t", "|"].map(sign => ({ sign, count: line.split(sign).length }));
  return counts.reduce((best, next) => (next.count > best.count ? next : best)).sign;
}

/** Does this column hold numbers, so that it reads better aligned right? */
export function isNumeric(rows: readonly (readonly string[])[], column: number): boolean {
  const values = rows.slice(1, 50).map(row => row[column]?.trim() ?? "");
  const filled = values.filter(value => value !== "");
  return (
    filled.length > 0 && filled.every(value => /^[-+]?(\d[\d_,]*\.?\d*|\.\d+)(e[-+]?\d+)?%?$/i.test(value))
  );
}
