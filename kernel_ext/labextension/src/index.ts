import {
  ILabShell,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { Api } from './api';
import { Attach } from './cells/attach';
import { Bars } from './cells/bars';
import { Notebooks } from './cells/notebooks';
import { addCommands, Ids } from './commands';
import { Actions } from './filters/actions';
import { notify } from './filters/notices';
import { FiltersSection } from './filters/view';
import { makePanel } from './panel';
import { StatusItem } from './session/status-bar';
import { SessionSection } from './session/view';
import { Sky } from './sky';
import { StreamsSection } from './streams/view';

const ID = 'skysieve:plugin';

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Session, streams and filters of Skysieve beside the notebook.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [
    IEditorLanguageRegistry,
    ITranslator,
    ISettingRegistry,
    ICommandPalette,
    ILauncher,
    IStatusBar,
    ILabShell
  ],
  activate
};

export default plugin;

function activate(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  languages: IEditorLanguageRegistry | null,
  translator: ITranslator | null,
  settings: ISettingRegistry | null,
  palette: ICommandPalette | null,
  launcher: ILauncher | null,
  statusBar: IStatusBar | null
): void {
  const trans = (translator ?? nullTranslator).load('skysieve');
  const sky = new Sky(new Api(app.serviceManager.serverSettings));
  const notebooks = new Notebooks(tracker, app.commands);
  const attach = new Attach(sky, notebooks);
  const bars = new Bars(sky, trans, notebooks, attach, languages, app.shell);

  const insert = (text: string) => {
    if (!notebooks.insert(text)) {
      Notification.info(
        trans.__('Open a notebook, and click into a cell: %1 goes there.', text)
      );
    }
  };
  const actions = new Actions(sky.api, trans, text => notebooks.open(text));
  const run = (id: string) => void app.commands.execute(id);
  const panel = makePanel(
    [
      new SessionSection(sky, trans, () => run(Ids.attach)),
      new StreamsSection(sky, trans, insert),
      new FiltersSection(sky, trans, actions)
    ],
    translator ?? nullTranslator,
    trans
  );
  app.shell.add(panel, 'left', { rank: 450, type: 'Skysieve' });

  addCommands({ app, sky, trans, notebooks, attach, bars });
  for (const command of Object.values(Ids)) {
    const args = { isPalette: true };
    palette?.addItem({ command, category: 'Skysieve', args });
  }
  launcher?.add({ command: Ids.tour, category: trans.__('Skysieve'), rank: 1 });
  statusBar?.registerStatusItem(ID, {
    item: new StatusItem(sky, trans, () => run(Ids.open)),
    align: 'left',
    rank: 20
  });

  let isTold = true;
  const read = (found: ISettingRegistry.ISettings) => {
    isTold = found.composite['notifications'] !== false;
  };
  settings?.load(ID).then(
    found => {
      read(found);
      found.changed.connect(read);
    },
    error => console.warn('Skysieve: its settings cannot be read', error)
  );
  notify(
    sky,
    trans,
    () => isTold,
    () => run(Ids.open)
  );
}
