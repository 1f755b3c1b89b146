import { line } from 'd3-shape';

const WIDTH = 42;
const HEIGHT = 14;

/** A small curve of the last while, from zero on. */
export function Sparkline(props: { values: readonly number[]; label: string }) {
  const { values, label } = props;
  const most = Math.max(...values, 1e-9);
  const step = WIDTH / Math.max(values.length - 1, 1);
  const path = line<number>(
    (_, index) => index * step,
    value => HEIGHT - 1 - (value / most) * (HEIGHT - 2)
  )(values as number[]);
  return (
    <svg
      className="sky-sparkline"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
    >
      {values.length > 1 && <path d={path ?? ''} />}
    </svg>
  );
}
