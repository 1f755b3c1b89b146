import { bin } from 'd3-array';
import type { TranslationBundle } from '@jupyterlab/translation';

import { type Cut, passes } from './text';

const WIDTH = 150;
const HEIGHT = 34;
const BINS = 24;

interface Props {
  cut: Cut;
  values: readonly string[];
  trans: TranslationBundle;
}

/** How a column is spread over recent alerts, and which of them a cut passes. */
export function Histogram({ cut, values, trans }: Props) {
  const numbers = values.map(Number).filter(Number.isFinite);
  const known = values.filter(value => value !== 'NULL').length;
  const passing = values.filter(value => passes(cut, value)).length;
  const told = trans.__('%1 of %2 pass', passing, values.length);
  if (numbers.length < known || numbers.length < 2) {
    return <span className="sky-quiet">{told}</span>;
  }
  // a few outliers must not make one bar of all the others
  const ordered = [...numbers].sort((a, b) => a - b);
  const at = (share: number) =>
    ordered[Math.floor(share * (ordered.length - 1))];
  const [least, most] = [at(0.02), at(0.98)];
  const bars = bin()
    .domain([least, most > least ? most : least + 1])
    .thresholds(BINS)(numbers);
  const highest = Math.max(...bars.map(bar => bar.length), 1);
  const width = WIDTH / bars.length;
  return (
    <span className="sky-labelled">
      <svg
        className="sky-histogram"
        role="img"
        aria-label={trans.__(
          '%1 from %2 to %3: %4',
          cut.column,
          least,
          most,
          told
        )}
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        width={WIDTH}
        height={HEIGHT}
      >
        {bars.map((bar, index) => {
          const height = (bar.length / highest) * (HEIGHT - 1);
          const middle = ((bar.x0 ?? 0) + (bar.x1 ?? 0)) / 2;
          return (
            <rect
              key={index}
              data-passes={passes(cut, `${middle}`) === true}
              x={index * width}
              y={HEIGHT - height}
              width={Math.max(width - 1, 1)}
              height={height}
            />
          );
        })}
      </svg>
      <small className="sky-quiet">
        {`${least.toPrecision(3)} … ${most.toPrecision(3)}`}
        <br />
        {told}
      </small>
    </span>
  );
}
