import { TreeItem } from '@jupyter/react-components';
import { type KeyboardEvent, useRef } from 'react';

import type { Column } from '../models';

/** Milliseconds in which a second click makes a double one. */
const DOUBLE = 250;

interface Props {
  column: Column;
  shown: string;
  insert: (text: string) => void;
  look: (column: string) => void;
}

/** A column: a click or Enter puts it into the cell, a double click or Shift-Enter shows its values. */
export function Leaf({ column, shown, insert, look }: Props) {
  const waiting = useRef(0);
  const kind = column.unit ? `${column.type} [${column.unit}]` : column.type;
  const stop = () => {
    clearTimeout(waiting.current);
    waiting.current = 0;
  };
  return (
    <TreeItem
      className="sky-column"
      title={`${column.name}: ${kind}\n${column.description}`}
      aria-description={column.description}
      onClick={() => {
        if (!waiting.current) {
          waiting.current = window.setTimeout(() => {
            waiting.current = 0;
            insert(column.name);
          }, DOUBLE);
        }
      }}
      onDoubleClick={() => {
        stop();
        look(column.name);
      }}
      onKeyDown={(event: KeyboardEvent) => {
        if (event.key === 'Enter' && event.target === event.currentTarget) {
          event.stopPropagation();
          (event.shiftKey ? look : insert)(column.name);
        }
      }}
    >
      {shown}
      <small slot="end" className="sky-quiet">
        {kind}
      </small>
    </TreeItem>
  );
}
