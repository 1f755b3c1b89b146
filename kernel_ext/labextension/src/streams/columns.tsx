import { TreeItem, TreeView } from '@jupyter/react-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useMemo, useState } from 'react';

import { type Api, reason } from '../api';
import type { Column } from '../models';
import { Problem } from '../section';
import { Leaf } from './leaf';
import { ColumnValues } from './values';

const SHOWN = 100;

interface Props {
  stream: string;
  api: Api;
  trans: TranslationBundle;
  insert: (text: string) => void;
}

/** The columns of a stream as a tree by record, or those that a search finds. */
export function Columns({ stream, api, trans, insert }: Props) {
  const [columns, setColumns] = useState<Column[] | null>(null);
  const [failed, setFailed] = useState('');
  const [sought, setSought] = useState('');
  const [looked, setLooked] = useState('');
  useEffect(() => {
    let current = true;
    api.columns(stream).then(
      found => current && setColumns(found),
      error => current && setFailed(reason(error))
    );
    return () => {
      current = false;
    };
  }, [api, stream]);
  const groups = useMemo(() => grouped(columns ?? []), [columns]);
  if (failed) {
    return <Problem text={failed} />;
  }
  if (!columns) {
    return (
      <p className="sky-quiet" role="status">
        {trans.__('Looking at its packets …')}
      </p>
    );
  }
  const found = sought.trim() ? matching(columns, sought) : null;
  return (
    <div className="sky-columns">
      <input
        type="search"
        className="jp-mod-styled"
        placeholder={trans.__('Search name, unit, description')}
        aria-label={trans.__('Search the columns of %1', stream)}
        value={sought}
        onChange={event => setSought(event.target.value)}
      />
      <div className="sky-quiet" role="status">
        {found
          ? trans.__('%1 of %2 columns', found.length, columns.length)
          : trans.__('%1 columns', columns.length)}
      </div>
      <TreeView aria-label={trans.__('Columns of %1', stream)}>
        {found
          ? found
              .slice(0, SHOWN)
              .map(column => (
                <Leaf
                  key={column.name}
                  column={column}
                  shown={column.name}
                  insert={insert}
                  look={setLooked}
                />
              ))
          : groups.map(group => (
              <Group
                key={group.record}
                group={group}
                insert={insert}
                look={setLooked}
              />
            ))}
      </TreeView>
      {looked && (
        <ColumnValues stream={stream} column={looked} api={api} trans={trans} />
      )}
      {found && found.length > SHOWN && (
        <p className="sky-quiet">
          {trans.__(
            'and %1 more: search for more of the name',
            found.length - SHOWN
          )}
        </p>
      )}
    </div>
  );
}

interface Grouped {
  record: string;
  columns: Column[];
}

interface GroupProps {
  group: Grouped;
  insert: (text: string) => void;
  look: (column: string) => void;
}

function Group({ group, insert, look }: GroupProps) {
  const [open, setOpen] = useState(false);
  if (!group.record) {
    return (
      <>
        {group.columns.map(column => (
          <Leaf
            key={column.name}
            column={column}
            shown={column.name}
            insert={insert}
            look={look}
          />
        ))}
      </>
    );
  }
  return (
    <TreeItem
      expanded={open}
      onClick={event => {
        // the caret opens it by itself; for the name that is left to us
        const hit = event.nativeEvent.composedPath()[0] as Element;
        if (
          event.target === event.currentTarget &&
          !hit.closest('svg, .expand-collapse-button')
        ) {
          setOpen(!open);
        }
      }}
      onExpand={(event: CustomEvent | Event) => {
        const item = event.target as Element & { expanded?: boolean };
        if (event.target === event.currentTarget) {
          setOpen(item.expanded ?? false);
        }
      }}
    >
      {group.record}
      <small slot="end" className="sky-quiet">
        {group.columns.length}
      </small>
      {open ? (
        group.columns.map(column => (
          <Leaf
            key={column.name}
            column={column}
            shown={column.name.slice(group.record.length + 1)}
            insert={insert}
            look={look}
          />
        ))
      ) : (
        // what is closed must hold something, to be one that can be opened
        <TreeItem key="closed" />
      )}
    </TreeItem>
  );
}

function grouped(columns: readonly Column[]): Grouped[] {
  const groups = new Map<string, Column[]>();
  for (const column of columns) {
    const dot = column.name.indexOf('.');
    const record = dot < 0 ? '' : column.name.slice(0, dot);
    groups.set(record, [...(groups.get(record) ?? []), column]);
  }
  return [...groups]
    .map(([record, found]) => ({ record, columns: found }))
    .sort((a, b) => Number(!a.record) - Number(!b.record));
}

function matching(columns: readonly Column[], sought: string): Column[] {
  const words = sought.toLowerCase().split(/\s+/).filter(Boolean);
  const found = columns.filter(one => {
    const text = `${one.name} ${one.unit} ${one.description}`.toLowerCase();
    return words.every(word => text.includes(word));
  });
  // those whose name has the word come before those that only tell of it
  const named = (one: Column) => one.name.toLowerCase().includes(words[0]);
  return found.sort((a, b) => Number(named(b)) - Number(named(a)));
}
