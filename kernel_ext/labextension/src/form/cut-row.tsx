import { Button, deleteIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Values } from '../models';
import { Histogram } from './histogram';
import { type Cut, OPERATORS } from './text';

interface Props {
  cut: Cut;
  number: number;
  values: Values | undefined;
  list: string;
  trans: TranslationBundle;
  change: (cut: Cut) => void;
  remove: () => void;
}

/** One cut: column, operator and value, beside how the column is spread; or its text. */
export function CutRow(props: Props) {
  const { cut, number, values, list, trans, change, remove } = props;
  return (
    <div role="group" aria-label={trans.__('Cut %1', number)}>
      {cut.text === null ? (
        <>
          <input
            className="jp-mod-styled sky-column"
            aria-label={trans.__('Column')}
            placeholder={trans.__('column')}
            list={list}
            value={cut.column}
            onChange={event => change({ ...cut, column: event.target.value })}
          />
          <select
            className="jp-mod-styled"
            aria-label={trans.__('Operator')}
            value={cut.operator}
            onChange={event => change({ ...cut, operator: event.target.value })}
          >
            {OPERATORS.map(operator => (
              <option key={operator}>{operator}</option>
            ))}
          </select>
          <input
            className="jp-mod-styled sky-value"
            aria-label={trans.__('Value')}
            placeholder={trans.__('value')}
            value={cut.value}
            onChange={event => change({ ...cut, value: event.target.value })}
          />
        </>
      ) : (
        <input
          className="jp-mod-styled sky-text"
          aria-label={trans.__('SQL')}
          value={cut.text}
          onChange={event => change({ ...cut, text: event.target.value })}
        />
      )}
      <Button
        minimal
        small
        aria-label={trans.__('Remove cut %1', number)}
        title={trans.__('Remove this cut')}
        onClick={remove}
      >
        <deleteIcon.react tag="span" aria-hidden />
      </Button>
      {cut.text === null && values && (
        <Histogram cut={cut} values={values.values} trans={trans} />
      )}
    </div>
  );
}
