import type { TranslationBundle } from '@jupyterlab/translation';

import type { Filter } from './models';

/** A rate as people read it: `12`, `0.3`, `1,200`. */
export function number(value: number): string {
  const digits = value >= 100 || value === 0 ? 0 : value >= 1 ? 1 : 2;
  return value.toLocaleString(undefined, { maximumFractionDigits: digits });
}

/** A share as people read it. */
export function share(value: number): string {
  return `${Number((100 * value).toPrecision(2))} %`;
}

/** A time span in the unit that fits. */
export function span(seconds: number, trans: TranslationBundle): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) {
    return trans.__('%1 s', whole);
  }
  if (whole < 6000) {
    return trans.__('%1 min', Math.round(whole / 60));
  }
  if (whole < 172_800) {
    return trans.__('%1 h', Math.round(whole / 3600));
  }
  return trans.__('%1 d', Math.round(whole / 86_400));
}

/** How long ago something was. */
export function age(time: string, trans: TranslationBundle): string {
  const seconds = (Date.now() - Date.parse(time)) / 1000;
  return trans.__('%1 ago', span(seconds, trans));
}

/** The state of a filter, as people call it. */
export function state(filter: Filter, trans: TranslationBundle): string {
  switch (filter.state) {
    case 'running':
      return trans.__('running');
    case 'starting':
      return filter.wanted === 'stopped'
        ? trans.__('stopping')
        : trans.__('starting');
    case 'backfilling':
      return trans.__('judging the past');
    case 'stopped':
      return trans.__('stopped');
    case 'paused':
      return trans.__('paused');
    case 'failed':
      return trans.__('failed');
  }
}
