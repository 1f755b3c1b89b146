import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { reason } from './api';
import type { Attach } from './cells/attach';
import type { Bars } from './cells/bars';
import type { Notebooks } from './cells/notebooks';
import { skyIcon } from './icons';
import { PANEL } from './panel';
import type { Sky } from './sky';

export const Ids = {
  open: 'skysieve:open-panel',
  attach: 'skysieve:attach',
  filter: 'skysieve:new-filter',
  start: 'skysieve:start-session',
  stop: 'skysieve:stop-session',
  tour: 'skysieve:tour'
} as const;

const TOUR = 'skysieve-tour.ipynb';

interface Parts {
  app: JupyterFrontEnd;
  sky: Sky;
  trans: TranslationBundle;
  notebooks: Notebooks;
  attach: Attach;
  bars: Bars;
}

/** The commands of the palette, the menu, the launcher and the toolbar. */
export function addCommands(parts: Parts): void {
  const { app, sky, trans, notebooks, attach, bars } = parts;
  const { commands } = app;
  const attempt = async (doing: () => Promise<unknown>) => {
    try {
      await doing();
    } catch (error) {
      Notification.error(reason(error), { autoClose: false });
    }
  };
  commands.addCommand(Ids.open, {
    label: trans.__('Open the Skysieve panel'),
    icon: skyIcon,
    execute: () => app.shell.activateById(PANEL)
  });
  commands.addCommand(Ids.attach, {
    label: trans.__('Attach notebook to the session'),
    caption: trans.__(
      'Attach this notebook to the Skysieve session, again after each restart of its kernel'
    ),
    icon: skyIcon,
    isEnabled: () => notebooks.current !== null,
    execute: () =>
      attempt(async () => {
        if (notebooks.current) {
          await attach.attach(notebooks.current);
        }
      })
  });
  commands.addCommand(Ids.filter, {
    label: trans.__('New filter'),
    caption: trans.__(
      'Put a new %%%%filter cell into the notebook, and open its form'
    ),
    icon: skyIcon,
    execute: () =>
      attempt(async () => {
        const stream = [...sky.streams.keys()][0] ?? 'lsst-alerts';
        await notebooks.open(`%%filter my-filter --stream ${stream}`);
        const { current } = notebooks;
        const cell = current?.content.activeCell;
        if (current && cell) {
          bars.openForm(current, cell);
        }
      })
  });
  commands.addCommand(Ids.start, {
    label: trans.__('Start the local session'),
    isEnabled: () => sky.session?.place !== 'remote',
    execute: () => attempt(() => sky.api.start())
  });
  commands.addCommand(Ids.stop, {
    label: trans.__('Stop the local session'),
    isEnabled: () => sky.session?.place === 'local',
    execute: () => attempt(() => sky.api.stop())
  });
  commands.addCommand(Ids.tour, {
    label: args =>
      args.isPalette
        ? trans.__('Open the Skysieve tour')
        : trans.__('Skysieve tour'),
    caption: trans.__('From an alert stream to a filter that runs'),
    icon: skyIcon,
    execute: () => attempt(() => openTour(app, sky))
  });
  notebooks.tracker.currentChanged.connect(() =>
    commands.notifyCommandChanged(Ids.attach)
  );
}

/** Open the first notebook; one that a person has already is left as it is. */
async function openTour(app: JupyterFrontEnd, sky: Sky): Promise<void> {
  const { contents } = app.serviceManager;
  const there = await contents
    .get(TOUR, { content: false })
    .catch(() => undefined);
  if (!there) {
    const content = await sky.api.tour();
    await contents.save(TOUR, { type: 'notebook', format: 'json', content });
  }
  await app.commands.execute('docmanager:open', { path: TOUR });
}
