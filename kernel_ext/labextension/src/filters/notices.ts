import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Change, Sky } from '../sky';

/** Tell a person that a filter fails, was paused, or drifts. */
export function notify(
  sky: Sky,
  trans: TranslationBundle,
  isWanted: () => boolean,
  show: () => void
): void {
  const actions = [{ label: trans.__('Show filters'), callback: show }];
  sky.filterChanged.connect((_, { before, after }: Change) => {
    if (!isWanted()) {
      return;
    }
    const became = (state: string) =>
      after.state === state && before?.state !== state;
    if (became('failed')) {
      Notification.error(
        trans.__('Filter %1 failed: %2', after.name, after.error),
        { autoClose: false, actions }
      );
    } else if (became('paused')) {
      Notification.warning(
        trans.__('Filter %1 is paused: %2', after.name, after.error),
        { autoClose: false, actions }
      );
    } else if (after.drift && !before?.drift) {
      Notification.warning(
        trans.__('Filter %1 drifts: %2', after.name, after.drift),
        { autoClose: 20_000, actions }
      );
    }
  });
}
