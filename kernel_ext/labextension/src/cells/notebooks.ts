import type { Cell } from '@jupyterlab/cells';
import type { CommandRegistry } from '@lumino/commands';
import {
  type INotebookTracker,
  NotebookActions,
  type NotebookPanel
} from '@jupyterlab/notebook';

const ASSIGNED = /([A-Za-z_][\w, \t]*)=(?!=)/g;
const IMPORTED = /\bimport\b([^\n;#]*)/g;

/** What is done in notebooks, in their cells, where a person sees it. */
export class Notebooks {
  constructor(
    readonly tracker: INotebookTracker,
    private readonly commands: CommandRegistry
  ) {}

  get current(): NotebookPanel | null {
    return this.tracker.currentWidget;
  }

  /** Put a text where the cursor is in the active cell; tells whether there was one. */
  insert(text: string): boolean {
    const editor = this.tracker.activeCell?.editor;
    if (!editor) {
      return false;
    }
    editor.replaceSelection?.(text);
    editor.focus();
    return true;
  }

  /** Put a text into a new cell below the active one of the current notebook, or of a new one. */
  async open(text: string): Promise<void> {
    if (!this.current) {
      await this.commands.execute('notebook:create-new', {});
    }
    const panel = this.current;
    if (panel) {
      await panel.context.ready;
      this.below(panel, panel.content.activeCellIndex, text);
    }
  }

  /** The first cell whose text fits. */
  find(panel: NotebookPanel, fits: (text: string) => boolean): number {
    const cells = panel.content.widgets;
    return cells.findIndex(cell => fits(cell.model.sharedModel.getSource()));
  }

  /** Names that the code of a notebook gives to something, as far as its text tells. */
  names(panel: NotebookPanel): string[] {
    const found = new Set<string>();
    for (const { model } of panel.content.widgets) {
      const text = model.type === 'code' ? model.sharedModel.getSource() : '';
      if (!text.startsWith('%%')) {
        const given = [...text.matchAll(ASSIGNED), ...text.matchAll(IMPORTED)];
        for (const name of given.flatMap(
          ([, part]) => part.match(/\w+/g) ?? []
        )) {
          found.add(name);
        }
      }
    }
    return [...found].slice(0, 1000);
  }

  /** Put a new code cell at a place. */
  insertAt(panel: NotebookPanel, index: number, text: string): void {
    const { content } = panel;
    content.model?.sharedModel.insertCell(index, {
      cell_type: 'code',
      source: text,
      metadata: { trusted: true }
    });
    content.activeCellIndex = index;
  }

  /** Put a new code cell below another. */
  below(panel: NotebookPanel, index: number, text: string): void {
    this.insertAt(panel, index + 1, text);
  }

  /** Run a cell as a person would. */
  async run(panel: NotebookPanel, cell: Cell): Promise<boolean> {
    return NotebookActions.runCells(
      panel.content,
      [cell],
      panel.sessionContext
    );
  }

  /** Run the cell at a place. */
  runAt(panel: NotebookPanel, index: number): Promise<boolean> {
    return this.run(panel, panel.content.widgets[index]);
  }
}
