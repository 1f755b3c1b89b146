/** A cut as the form shows it; what it cannot take apart it shows as the text that it is. */
export interface Cut {
  column: string;
  operator: string;
  value: string;
  /** Instead of the three. */
  text: string | null;
}

/** The text of a `%%filter` cell, taken apart. */
export interface FilterText {
  head: string;
  stream: string;
  cuts: Cut[];
}

export const OPERATORS = ['>', '>=', '<', '<=', '=', '!='] as const;

const SIMPLE =
  /^([A-Za-z_][\w.]*)\s*(>=|<=|!=|<>|=|>|<)\s*(-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|'(?:[^']|'')*'|true|false)$/i;
const NUMBER = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Take a cell apart; null where it is no `%%filter` cell. */
export function read(text: string): FilterText | null {
  const found = /^(\s*%%filter\b[^\n]*)\n?([^]*)$/.exec(text);
  if (!found) {
    return null;
  }
  const stream = /(?:--stream|-s)[\s=]+['"]?([^\s'"]+)/.exec(found[1])?.[1];
  const cuts = split(found[2])
    .map(cut => cut.trim())
    .filter(Boolean)
    .map(asCut);
  return { head: found[1], stream: stream ?? '', cuts };
}

/** The cell that the form stands for. */
export function write(filter: FilterText): string {
  const cuts = filter.cuts.map(asText).filter(Boolean);
  return [filter.head, cuts.join('\nAND ')].filter(Boolean).join('\n');
}

/** The SQL of a cut; empty while it is not whole. */
export function asText(cut: Cut): string {
  if (cut.text !== null) {
    return cut.text;
  }
  if (!cut.column || !cut.value) {
    return '';
  }
  const isPlain = NUMBER.test(cut.value) || /^(true|false)$/i.test(cut.value);
  const value = isPlain ? cut.value : `'${cut.value.replaceAll("'", "''")}'`;
  return `${cut.column} ${cut.operator} ${value}`;
}

/** Whether a value passes; null where a browser cannot tell, or the value is NULL. */
export function passes(cut: Cut, value: string): boolean | null {
  if (cut.text !== null || value === 'NULL') {
    return null;
  }
  const numbers = [Number(value), Number(cut.value)];
  const [a, b] = numbers.some(Number.isNaN) ? [value, cut.value] : numbers;
  switch (cut.operator) {
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '=':
      return a === b;
    default:
      return a !== b;
  }
}

function asCut(text: string): Cut {
  const found = SIMPLE.exec(text);
  if (!found) {
    return { column: '', operator: '>', value: '', text };
  }
  const [, column, operator, value] = found;
  return {
    column,
    operator: operator === '<>' ? '!=' : operator,
    value: value.startsWith("'")
      ? value.slice(1, -1).replaceAll("''", "'")
      : value,
    text: null
  };
}

/** Split at the ANDs that separate cuts; a text with an OR beside them is one cut. */
function split(text: string): string[] {
  const token = /'(?:[^']|'')*'|`[^`]*`|--[^\n]*|\/\*[^]*?\*\/|\w+|[^]/g;
  const parts: string[] = [];
  let depth = 0;
  let begin = 0;
  let between = false;
  for (const { 0: word, index } of text.matchAll(token)) {
    const name = word.toUpperCase();
    if (word === '(' || name === 'CASE') {
      depth += 1;
    } else if (word === ')' || name === 'END') {
      depth -= 1;
    } else if (depth === 0 && name === 'OR') {
      return [text];
    } else if (depth === 0 && name === 'BETWEEN') {
      between = true;
    } else if (depth === 0 && name === 'AND') {
      if (!between) {
        parts.push(text.slice(begin, index));
        begin = index + word.length;
      }
      between = false;
    }
  }
  return [...parts, text.slice(begin)];
}
