import type { TranslationBundle } from '@jupyterlab/translation';

import type { Values } from '../models';
import { asText, type Cut, passes } from './text';

interface Props {
  cuts: readonly Cut[];
  columns: ReadonlyMap<string, Values>;
  trans: TranslationBundle;
}

/** How many of the recent alerts each cut leaves, after those before it. */
export function Waterfall({ cuts, columns, trans }: Props) {
  const whole = cuts.filter(cut => asText(cut));
  const first = whole.find(cut => columns.has(cut.column));
  const sample = first && columns.get(first.column);
  if (!sample?.read) {
    return null;
  }
  let left = sample.values.map((_, index) => index);
  let told = true;
  return (
    <table className="sky-waterfall">
      <caption>{trans.__('Of the newest %1 alerts', sample.read)}</caption>
      <tbody>
        {whole.map((cut, index) => {
          const values = columns.get(cut.column);
          // other alerts, or something that only Spark can work out
          told &&= cut.text === null && values?.sample === sample.sample;
          if (told && values) {
            left = left.filter(at => passes(cut, values.values[at]));
          }
          const share = left.length / sample.read;
          return (
            <tr key={index}>
              <th scope="row">
                <code>{asText(cut)}</code>
              </th>
              <td>{told ? left.length : '?'}</td>
              <td aria-hidden="true">
                {told && <meter min={0} max={1} value={share} />}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
