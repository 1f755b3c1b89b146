import { ReactWidget } from '@jupyterlab/ui-components';
import { TextItem } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';

import type { Sky } from '../sky';

/** The session in a few words; a click opens the panel. */
export class StatusItem extends ReactWidget {
  constructor(
    private readonly sky: Sky,
    private readonly trans: TranslationBundle,
    private readonly open: () => void
  ) {
    super();
    this.addClass('sky-StatusItem');
    this.addClass('jp-mod-highlighted');
    sky.changed.connect(this.redraw, this);
  }

  override dispose(): void {
    this.sky.changed.disconnect(this.redraw, this);
    super.dispose();
  }

  protected override render(): ReactElement {
    const text = this.said();
    return (
      <TextItem
        source={`Skysieve: ${text}`}
        title={this.trans.__('Open the Skysieve panel')}
        role="button"
        tabIndex={0}
        onClick={this.open}
        onKeyDown={event => {
          if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            this.open();
          }
        }}
      />
    );
  }

  private redraw(): void {
    const text = this.said();
    if (text !== this._drawn) {
      this._drawn = text;
      this.update();
    }
  }

  private said(): string {
    const { sky, trans } = this;
    const { session } = sky;
    if (!session || !sky.isHeard) {
      return trans.__('no answer');
    }
    if (session.work?.state === 'running') {
      return session.work.doing === 'start'
        ? trans.__('starting …')
        : trans.__('stopping …');
    }
    if (session.place === 'none') {
      return trans.__('no session');
    }
    const { parts } = session;
    const waiting = parts.find(part => part.state === 'waiting');
    const broken = parts.filter(
      part => part.state !== 'running' && part !== waiting
    );
    if (broken.length) {
      return trans.__('%1 not running', broken.map(p => p.name).join(', '));
    }
    if (waiting) {
      return trans.__('%1 waits for %2', waiting.name, waiting.waits_for ?? '');
    }
    const states = [...sky.filters.values()].map(one => one.state);
    const running = states.filter(
      state => state === 'running' || state === 'backfilling'
    ).length;
    const failed = states.filter(
      state => state === 'failed' || state === 'paused'
    ).length;
    const said = trans._n('%1 filter running', '%1 filters running', running);
    return failed ? trans.__('%1, %2 out', said, failed) : said;
  }

  private _drawn = '';
}
