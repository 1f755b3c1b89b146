import {
  type Diagnostic,
  nextDiagnostic,
  setDiagnostics
} from '@codemirror/lint';
import { StateEffect } from '@codemirror/state';
import { type EditorView, keymap } from '@codemirror/view';
import type { Cell } from '@jupyterlab/cells';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import { Debouncer } from '@lumino/polling';

import type { Api } from '../api';
import type { Draft, Mistake } from '../models';
import type { Header } from './header';

const PAUSE = 500;

/** Underlines what is wrong in a `%%filter` cell, or likely to be, while it is typed; F8 goes to the next of it. */
export class Mistakes {
  constructor(
    private readonly cell: Cell,
    private readonly api: Api,
    private readonly names: () => string[],
    private readonly tell: (mistakes: readonly Mistake[]) => void
  ) {
    // an editor that comes into sight may be new
    cell.inViewportChanged.connect(this.look, this);
    cell.disposed.connect(this.dispose, this);
  }

  /** Take what the cell says now, and have it judged when the typing pauses. */
  take(said: Header | null): void {
    const before = this._said;
    this._said = said;
    if (!said && before) {
      this.show([], '');
    }
    if (said) {
      this.look();
    }
  }

  dispose(): void {
    this.cell.inViewportChanged.disconnect(this.look, this);
    this._pause.dispose();
  }

  private look(): void {
    if (this._said && !this._pause.isDisposed) {
      void this._pause.invoke();
    }
  }

  private async judge(): Promise<void> {
    const said = this._said;
    if (!said) {
      return;
    }
    const { name, stream, text } = said;
    const draft: Draft = { name, stream, text, names: this.names() };
    draft.language = said.language as Draft['language'];
    // where the server does not answer, the panel says so
    const judged = await this.api.judge(draft).catch(() => null);
    if (this._said === said && !this.cell.isDisposed) {
      this.show(judged?.mistakes ?? [], this.cell.model.sharedModel.source);
    }
  }

  private show(mistakes: readonly Mistake[], source: string): void {
    const view = (this.cell.editor as CodeMirrorEditor | null)?.editor;
    if (view) {
      const found = mistakes.flatMap(one => this.diagnostic(one, source));
      const told = found.filter(one => one.to <= view.state.doc.length);
      view.dispatch(setDiagnostics(view.state, told));
      this.extend(view);
      const isWrong = told.some(one => one.severity === 'error');
      view.contentDOM.setAttribute('aria-invalid', `${isWrong}`);
    }
    this.tell(mistakes);
  }

  private diagnostic(one: Mistake, source: string): Diagnostic[] {
    if (!this._said) {
      return [];
    }
    const [begin, end] = this._said.at[one.part];
    let [from, to] = [begin, end];
    if (one.part === 'text') {
      from = begin + place(source.slice(begin, end), one);
      to = Math.min(end, from + one.length);
    }
    // what is missing at the end has no width: its neighbour is underlined
    from = Math.max(0, Math.min(from, to - 1));
    const { severity, message } = one;
    return [{ from, to, severity, source: '', message }];
  }

  private extend(view: EditorView): void {
    if (this._view !== view) {
      this._view = view;
      const keys = keymap.of([{ key: 'F8', run: nextDiagnostic }]);
      view.dispatch({ effects: StateEffect.appendConfig.of(keys) });
    }
  }

  private readonly _pause = new Debouncer(() => this.judge(), PAUSE);
  private _said: Header | null = null;
  private _view: EditorView | null = null;
}

/** How far into a text a line and column are; the server counts characters, a browser halves of some. */
function place(text: string, at: Mistake): number {
  const lines = text.split('\n');
  const before = lines.slice(0, at.line - 1).join('\n').length;
  const line = [...(lines[at.line - 1] ?? '')].slice(0, at.column - 1).join('');
  return before + (at.line > 1 ? 1 : 0) + line.length;
}
