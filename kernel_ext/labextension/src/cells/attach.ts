import type { ISessionContext } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';

import type { Sky } from '../sky';
import type { Notebooks } from './notebooks';

const USUAL = 'import skysieve; sky = skysieve.attach()';
const LINE = /^import skysieve; sky = skysieve\.attach\([^\n]*\)\s*$/;

/** Attaches notebooks to the session by one line in a cell of theirs, and again after a restart of the kernel. */
export class Attach {
  constructor(
    private readonly sky: Sky,
    private readonly notebooks: Notebooks
  ) {
    notebooks.tracker.widgetAdded.connect((_, panel) => this.follow(panel));
    notebooks.tracker.forEach(panel => this.follow(panel));
  }

  /** Run the line in a notebook; put in as its first cell where it is not there yet. */
  async attach(panel: NotebookPanel): Promise<void> {
    await panel.sessionContext.ready;
    const line = this.sky.session?.attach || USUAL;
    let index = this.place(panel);
    if (index < 0) {
      index = firstCode(panel);
      this.notebooks.insertAt(panel, index, line);
    } else if (panel.content.widgets[index].model.sharedModel.source !== line) {
      panel.content.widgets[index].model.sharedModel.setSource(line);
    }
    await this.notebooks.runAt(panel, index);
  }

  /** Attach, unless the notebook does so itself. */
  async ensure(panel: NotebookPanel): Promise<void> {
    const own = this.notebooks.find(panel, text => text.includes('.attach('));
    if (own < 0) {
      await this.attach(panel);
    }
  }

  private place(panel: NotebookPanel): number {
    return this.notebooks.find(panel, text => LINE.test(text));
  }

  private follow(panel: NotebookPanel): void {
    let restarted = false;
    panel.sessionContext.statusChanged.connect(
      (context: ISessionContext, status) => {
        if (status === 'restarting' || status === 'autorestarting') {
          restarted = true;
        } else if (restarted && status === 'idle') {
          restarted = false;
          const index = this.place(panel);
          if (index >= 0 && !context.isDisposed) {
            void this.notebooks.runAt(panel, index);
          }
        }
      }
    );
  }
}

/** Above the first cell with code: what stands before it tells what the notebook is. */
function firstCode(panel: NotebookPanel): number {
  const cells = panel.content.widgets;
  const found = cells.findIndex(cell => cell.model.type === 'code');
  return found < 0 ? cells.length : found;
}
