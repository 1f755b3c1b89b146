import { Button, ReactWidget, runIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';

import type { Mistake } from '../models';
import type { Sky } from '../sky';
import type { Header } from './header';
import { share, state } from '../words';

/** What a bar does. */
export interface Doings {
  preview: () => Promise<void>;
  deploy: (name: string) => Promise<void>;
  form: () => void;
}

/** Above a `%%filter` cell: preview and deploy it, and how the deployed one does. */
export class FilterBar extends ReactWidget {
  constructor(
    private readonly sky: Sky,
    private readonly trans: TranslationBundle,
    private readonly doings: Doings
  ) {
    super();
    this.addClass('sky-FilterBar');
    sky.changed.connect(this.redraw, this);
  }

  /** Tell it what its cell says. */
  tell(said: Header): void {
    if (said.name !== this._name || said.isSql !== this._isSql) {
      this._name = said.name;
      this._isSql = said.isSql;
      this.update();
    }
  }

  /** Tell it what is wrong with its filter, or likely to be. */
  tellMistakes(mistakes: readonly Mistake[]): void {
    const message = mistakes.map(one => one.message).join('\n');
    if (message !== this._mistakes.message) {
      this._mistakes = { message, severity: mistakes[0]?.severity };
      this.update();
    }
  }

  override dispose(): void {
    this.sky.changed.disconnect(this.redraw, this);
    super.dispose();
  }

  protected override render(): ReactElement {
    const { trans, doings, _name: name } = this;
    const filter = this.sky.filters.get(name);
    return (
      <div
        className="sky-bar"
        role="toolbar"
        aria-label={trans.__('Filter %1', name)}
      >
        <Button
          className="jp-mod-styled"
          small
          onClick={() => void doings.preview()}
          title={trans.__('Apply it to the newest alerts; nothing is changed')}
        >
          <runIcon.react tag="span" aria-hidden />
          {trans.__('Preview')}
        </Button>
        <Button
          className="jp-mod-styled"
          small
          onClick={() => void doings.deploy(name)}
          title={trans.__('Let it run on every alert that arrives')}
        >
          {trans.__('Deploy')}
        </Button>
        {this._isSql && (
          <Button
            className="jp-mod-styled"
            small
            onClick={doings.form}
            title={trans.__(
              'Change its cuts in a form, beside how columns are spread'
            )}
          >
            {trans.__('Form')}
          </Button>
        )}
        <span
          className="sky-mistakes"
          data-severity={this._mistakes.severity}
          aria-live="polite"
        >
          {this._mistakes.message}
        </span>
        {filter && (
          <span role="status">
            <span className="sky-state" data-state={filter.state}>
              {state(filter, trans)}
            </span>{' '}
            <code>{filter.version}</code>
            {filter.pass_rate !== null && (
              <> {trans.__('%1 pass', share(filter.pass_rate))}</>
            )}
            {filter.error && <> {filter.error}</>}
          </span>
        )}
      </div>
    );
  }

  private redraw(): void {
    const filter = this.sky.filters.get(this._name);
    if (filter !== this._drawn) {
      this._drawn = filter;
      this.update();
    }
  }

  private _name = '';
  private _isSql = false;
  private _mistakes: { message: string; severity?: Mistake['severity'] } = {
    message: ''
  };
  private _drawn: unknown = undefined;
}
