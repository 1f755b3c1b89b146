import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { memo, useState } from 'react';

import type { Filter } from '../models';
import { Sparkline } from '../sparkline';
import { number, share, state } from '../words';
import type { Actions } from './actions';
import { FilterDetail } from './detail';

interface Props {
  filter: Filter;
  coming: readonly number[];
  going: readonly number[];
  trans: TranslationBundle;
  actions: Actions;
}

/** A filter: its state and rates, and more when it is opened. */
export const FilterRow = memo(function FilterRow(props: Props) {
  const { filter, coming, going, trans, actions } = props;
  const [open, setOpen] = useState(false);
  const Caret = open ? caretDownIcon : caretRightIcon;
  return (
    <li data-filter={filter.name}>
      <button
        className="sky-row"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Caret.react tag="span" aria-hidden />
        <span className="sky-name">{filter.name}</span>
        <span className="sky-state" data-state={filter.state}>
          {state(filter, trans)}
        </span>
      </button>
      <div className="sky-facts">
        {filter.backfill_count !== null && (
          <progress
            aria-label={trans.__('Backfill')}
            value={filter.backfill_done ?? 0}
            max={filter.backfill_count}
          />
        )}
        {filter.judged_per_second !== null && (
          <Rate
            values={coming}
            now={filter.judged_per_second}
            label={trans.__('in')}
          />
        )}
        {filter.matched_per_second !== null && (
          <Rate
            values={going}
            now={filter.matched_per_second}
            label={trans.__('out')}
          />
        )}
        {filter.pass_rate !== null && (
          <span>{trans.__('%1 pass', share(filter.pass_rate))}</span>
        )}
        {!!filter.lag && (
          <span>{trans.__('lag %1', filter.lag.toLocaleString())}</span>
        )}
      </div>
      {filter.error && <div className="sky-problem">{filter.error}</div>}
      {filter.warnings.map(text => (
        <div key={text} className="sky-warning">
          {text}
        </div>
      ))}
      {open && <FilterDetail filter={filter} trans={trans} actions={actions} />}
    </li>
  );
});

interface RateProps {
  values: readonly number[];
  now: number;
  label: string;
}

function Rate({ values, now, label }: RateProps) {
  return (
    <span className="sky-labelled">
      {label}
      <Sparkline values={values} label={label} />
      {number(now)}/s
    </span>
  );
}
