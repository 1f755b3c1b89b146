import { Button } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useId, useState } from 'react';

import { type Api, reason } from '../api';
import type { Column, Values } from '../models';
import { Problem } from '../section';
import { CutRow } from './cut-row';
import { type Cut, type FilterText, OPERATORS } from './text';
import { Waterfall } from './waterfall';

interface Props {
  filter: FilterText;
  streams: readonly string[];
  api: Api;
  trans: TranslationBundle;
  change: (filter: FilterText) => void;
  preview: () => void;
}

/** A filter without code: what is chosen here stands in the cell at once. */
export function FormView(props: Props) {
  const { filter, streams, api, trans, change, preview } = props;
  const list = useId();
  const stream = filter.stream || (streams.length === 1 ? streams[0] : '');
  const { columns, values, failed } = useSample(api, stream, filter.cuts);
  const setCut = (index: number, cut: Cut) =>
    change({
      ...filter,
      cuts: filter.cuts.map((c, i) => (i === index ? cut : c))
    });
  const add = () => {
    const cut = { column: '', operator: OPERATORS[0], value: '', text: null };
    change({ ...filter, cuts: [...filter.cuts, cut] });
  };
  return (
    <div className="sky-formView">
      <label>
        {trans.__('Stream')}{' '}
        <select
          className="jp-mod-styled"
          value={stream}
          onChange={event => change(onStream(filter, event.target.value))}
        >
          <option value="">{trans.__('choose one')}</option>
          {streams.map(name => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <datalist id={list}>
        {columns.map(column => (
          <option key={column.name} value={column.name}>
            {column.unit ? `${column.type} [${column.unit}]` : column.type}
          </option>
        ))}
      </datalist>
      <div className="sky-cuts">
        {filter.cuts.map((cut, index) => (
          <CutRow
            key={index}
            cut={cut}
            number={index + 1}
            values={values.get(cut.column)}
            list={list}
            trans={trans}
            change={changed => setCut(index, changed)}
            remove={() =>
              change({
                ...filter,
                cuts: filter.cuts.filter((_, i) => i !== index)
              })
            }
          />
        ))}
      </div>
      {failed && <Problem text={failed} />}
      <div className="sky-buttons">
        <Button className="jp-mod-styled" small onClick={add}>
          {trans.__('Add a cut')}
        </Button>
        <Button
          className="jp-mod-styled jp-mod-accept"
          small
          onClick={preview}
          title={trans.__(
            'Run the cell: Spark judges the newest 5,000 packets'
          )}
        >
          {trans.__('Preview')}
        </Button>
      </div>
      <Waterfall cuts={filter.cuts} columns={values} trans={trans} />
    </div>
  );
}

/** The columns of a stream, and the values of those that cuts name. */
function useSample(api: Api, stream: string, cuts: readonly Cut[]) {
  const [columns, setColumns] = useState<Column[]>([]);
  const [values, setValues] = useState<ReadonlyMap<string, Values>>(new Map());
  const [failed, setFailed] = useState('');
  useEffect(() => {
    let current = true;
    setColumns([]);
    setValues(new Map());
    setFailed('');
    if (stream) {
      api.columns(stream).then(
        found => current && setColumns(found),
        error => current && setFailed(reason(error))
      );
    }
    return () => {
      current = false;
    };
  }, [api, stream]);
  const known = new Set(columns.map(column => column.name));
  const used = new Set(cuts.map(cut => cut.column).filter(c => known.has(c)));
  const wanted = [...used].sort().join('\n');
  useEffect(() => {
    let current = true;
    const names = wanted.split('\n').filter(Boolean);
    void Promise.allSettled(names.map(name => api.values(stream, name))).then(
      found => {
        if (current) {
          const told = found.flatMap(one =>
            one.status === 'fulfilled' ? [one.value] : []
          );
          const lost = found.find(one => one.status === 'rejected');
          setValues(new Map(told.map(one => [one.column, one])));
          setFailed(lost ? reason(lost.reason) : '');
        }
      }
    );
    return () => {
      current = false;
    };
  }, [api, stream, wanted]);
  return { columns, values, failed };
}

/** The same filter on another stream. */
function onStream(filter: FilterText, stream: string): FilterText {
  const rest = filter.head.replace(
    /\s(?:--stream|-s)[\s=]+['"]?[^\s'"]+['"]?/,
    ''
  );
  const head = stream ? `${rest.trimEnd()} --stream ${stream}` : rest;
  return { ...filter, head, stream };
}
