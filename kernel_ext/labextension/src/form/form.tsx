import type { Cell } from '@jupyterlab/cells';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';

import { skyIcon } from '../icons';
import type { Sky } from '../sky';
import { type FilterText, read, write } from './text';
import { FormView } from './view';

/** A filter as a form. Form and cell are two views of it: what is changed in one is changed in the other. */
export class FilterForm extends ReactWidget {
  constructor(
    private readonly cell: Cell,
    private readonly sky: Sky,
    private readonly trans: TranslationBundle,
    private readonly preview: () => void
  ) {
    super();
    this.addClass('sky-Section');
    this.addClass('sky-FilterForm');
    this.title.icon = skyIcon;
    this.title.closable = true;
    this.id = `skysieve-form-${cell.model.id}`;
    this.take();
    cell.model.contentChanged.connect(this.take, this);
    cell.disposed.connect(this.dispose, this);
    sky.changed.connect(this.lookAtStreams, this);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.cell.model?.contentChanged.disconnect(this.take, this);
      this.sky.changed.disconnect(this.lookAtStreams, this);
      super.dispose();
    }
  }

  protected override render(): ReactElement {
    const { sky, trans } = this;
    if (!this._filter) {
      return <p>{trans.__('The cell is no %%%%filter cell any more.')}</p>;
    }
    return (
      <FormView
        filter={this._filter}
        streams={this._streams}
        api={sky.api}
        trans={trans}
        change={filter => this.put(filter)}
        preview={this.preview}
      />
    );
  }

  /** Take what the cell says, unless it is what the form has just put there. */
  private take(): void {
    const text = this.cell.model.sharedModel.getSource();
    if (text !== this._put) {
      this._filter = read(text);
      this._put = text;
    }
    this.title.label =
      this._filter?.head.split(/\s+/)[1] ?? this.trans.__('Filter');
    this.update();
  }

  private put(filter: FilterText): void {
    this._filter = filter;
    this._put = write(filter);
    if (this._put !== this.cell.model.sharedModel.getSource()) {
      this.cell.model.sharedModel.setSource(this._put);
    }
    this.update();
  }

  private lookAtStreams(): void {
    const streams = [...this.sky.streams.keys()];
    if (streams.join() !== this._streams.join()) {
      this._streams = streams;
      this.update();
    }
  }

  private _filter: FilterText | null = null;
  private _put = '';
  private _streams: readonly string[] = [...this.sky.streams.keys()];
}
