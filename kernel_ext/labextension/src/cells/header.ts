const HEADER = /^\s*%%filter[ \t]+(?:(["'])(.+?)\1|(\S+))([^\n]*)/;
const PYTHON = /^\s*(?:#[^\n]*\n\s*)*(?:(?:def|import|from)\b|@)/;

/** What a `%%filter` cell says in its first line. */
export interface Header {
  name: string;
  isSql: boolean;
}

/** That of a cell; null where it is no `%%filter` cell. */
export function header(text: string): Header | null {
  const found = HEADER.exec(text);
  if (!found) {
    return null;
  }
  const line = found[4];
  const said = /(?:--language|-l)[\s=]+(\w+)/.exec(line)?.[1];
  const body = text.slice(found[0].length + 1);
  return {
    name: found[2] ?? found[3],
    isSql: said ? said === 'sql' || said === 'lasair' : !PYTHON.test(body)
  };
}
