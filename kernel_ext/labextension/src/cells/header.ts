const HEADER = /^\s*%%filter[ \t]+(?:(["'])(.+?)\1|(\S+))([^\n]*)/;
const STREAM = /((?:--stream|-s)(?:[ \t]+|=)["']?)([^\s"']+)/;
const LANGUAGE = /(?:--language|-l)[\s=]+(\w+)/;
const PYTHON = /^\s*(?:#[^\n]*\n\s*)*(?:(?:def|import|from)\b|@)/;

/** Where something begins and ends in a cell. */
export type Place = readonly [number, number];

/** What a `%%filter` cell says in its first line, and what follows it. */
export interface Header {
  name: string;
  stream: string;
  language: string;
  isSql: boolean;
  text: string;
  at: { name: Place; stream: Place; text: Place };
}

/** That of a cell; null where it is no `%%filter` cell. */
export function header(cell: string): Header | null {
  const found = HEADER.exec(cell);
  if (!found) {
    return null;
  }
  const [head, quote = '', quoted, plain, line] = found;
  const name = quoted ?? plain;
  const stream = STREAM.exec(line);
  const said = LANGUAGE.exec(line)?.[1] ?? '';
  const begin = Math.min(head.length + 1, cell.length);
  const text = cell.slice(begin);
  const afterName = head.length - line.length;
  const nameEnd = afterName - quote.length;
  const streamBegin = stream
    ? afterName + stream.index + stream[1].length
    : afterName;
  return {
    name,
    stream: stream?.[2] ?? '',
    language: said,
    isSql: said ? said === 'sql' || said === 'lasair' : !PYTHON.test(text),
    text,
    at: {
      name: [nameEnd - name.length, nameEnd],
      stream: [streamBegin, streamBegin + (stream?.[2].length ?? 0)],
      text: [begin, cell.length]
    }
  };
}
