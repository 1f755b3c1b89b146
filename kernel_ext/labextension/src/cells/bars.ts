import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { Cell } from '@jupyterlab/cells';
import type { IEditorLanguageRegistry } from '@jupyterlab/codemirror';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { PanelLayout } from '@lumino/widgets';

import type { Sky } from '../sky';
import { FilterForm } from '../form/form';
import type { Attach } from './attach';
import { FilterBar } from './bar';
import { header } from './header';
import { Mistakes } from './mistakes';
import type { Notebooks } from './notebooks';

const SQL = 'text/x-sql';

/** Gives each `%%filter` cell a bar of its own, and the colours of SQL. */
export class Bars {
  constructor(
    private readonly sky: Sky,
    private readonly trans: TranslationBundle,
    private readonly notebooks: Notebooks,
    private readonly attach: Attach,
    private readonly languages: IEditorLanguageRegistry | null,
    private readonly shell: JupyterFrontEnd.IShell
  ) {
    notebooks.tracker.widgetAdded.connect((_, panel) => this.follow(panel));
    notebooks.tracker.forEach(panel => this.follow(panel));
  }

  /** Preview the filter of a cell: run it, in a notebook that is attached. */
  async preview(panel: NotebookPanel, cell: Cell): Promise<void> {
    await this.attach.ensure(panel);
    await this.notebooks.run(panel, cell);
  }

  /** Deploy it, by a cell below that says so and can be read afterwards. */
  async deploy(panel: NotebookPanel, cell: Cell, name: string): Promise<void> {
    await this.attach.ensure(panel);
    if (!(await this.notebooks.run(panel, cell))) {
      return;
    }
    const line = `%deploy ${name}`;
    const index = panel.content.widgets.indexOf(cell);
    const next =
      panel.content.widgets[index + 1]?.model.sharedModel.getSource();
    if (next?.trim() !== line) {
      this.notebooks.below(panel, index, line);
    }
    await this.notebooks.runAt(panel, index + 1);
  }

  /** Open the form of a cell beside the notebook, or the one that is open. */
  openForm(panel: NotebookPanel, cell: Cell): void {
    let form = this._forms.get(cell);
    if (!form || form.isDisposed) {
      form = new FilterForm(cell, this.sky, this.trans, () => {
        void this.preview(panel, cell);
      });
      this._forms.set(cell, form);
      this.shell.add(form, 'main', { mode: 'split-right', ref: panel.id });
    }
    this.shell.activateById(form.id);
  }

  private follow(panel: NotebookPanel): void {
    const followed = new WeakSet<Cell>();
    const look = () => {
      for (const cell of panel.content.widgets) {
        if (!followed.has(cell)) {
          followed.add(cell);
          this.followCell(panel, cell);
        }
      }
    };
    void panel.context.ready.then(() => {
      look();
      panel.content.model?.cells.changed.connect(() => {
        // the notebook makes the widget of a new cell when it hears of it, too
        requestAnimationFrame(look);
      });
    });
  }

  /** Have a cell coloured as a language, once that is loaded: an editor shows the one that comes last. */
  private async colour(cell: Cell, mimeType: string): Promise<void> {
    const { languages } = this;
    const both = [cell.model.mimeType, mimeType];
    if (languages) {
      await Promise.all(both.map(type => languages.getLanguage(type)));
    }
    if (!cell.isDisposed) {
      cell.model.mimeType = mimeType;
    }
  }

  private followCell(panel: NotebookPanel, cell: Cell): void {
    if (cell.model.type !== 'code') {
      return;
    }
    let bar: FilterBar | null = null;
    let wasSql = false;
    const mistakes = new Mistakes(
      cell,
      this.sky.api,
      () => this.notebooks.names(panel),
      found => bar?.tellMistakes(found)
    );
    const look = () => {
      if (cell.isDisposed) {
        return;
      }
      const said = header(cell.model.sharedModel.getSource());
      if (said && !bar) {
        bar = new FilterBar(this.sky, this.trans, {
          preview: () => this.preview(panel, cell),
          deploy: name => this.deploy(panel, cell, name),
          form: () => this.openForm(panel, cell)
        });
        (cell.layout as PanelLayout).insertWidget(0, bar);
      }
      if (said) {
        bar?.tell(said);
      } else {
        bar?.dispose();
        bar = null;
      }
      mistakes.take(said);
      const isSql = said?.isSql ?? false;
      if (isSql !== wasSql || (isSql && cell.model.mimeType !== SQL)) {
        wasSql = isSql;
        void this.colour(cell, isSql ? SQL : panel.content.codeMimetype);
      }
    };
    void cell.ready.then(look);
    cell.model.contentChanged.connect(look);
    // a notebook gives all its cells the kernel's language when that is known
    cell.model.mimeTypeChanged.connect(look);
  }

  private readonly _forms = new WeakMap<Cell, FilterForm>();
}
