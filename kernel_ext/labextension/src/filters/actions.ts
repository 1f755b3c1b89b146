import {
  Dialog,
  Notification,
  ReactWidget,
  showDialog
} from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { createElement } from 'react';

import { type Api, reason } from '../api';
import type { Filter, Version } from '../models';
import { Lines } from './lines';

/** What can be done to a filter; what fails is told as a notification. */
export class Actions {
  constructor(
    readonly api: Api,
    private readonly trans: TranslationBundle,
    private readonly openCell: (text: string) => Promise<void>
  ) {}

  stop(filter: Filter): Promise<void> {
    return this.attempt(() => this.api.stopFilter(filter.name));
  }

  start(filter: Filter): Promise<void> {
    return this.attempt(() => this.api.startFilter(filter.name));
  }

  async remove(filter: Filter): Promise<void> {
    const { trans } = this;
    const sure = await this.isSure(
      trans.__('Remove %1?', filter.name),
      trans.__(
        'It stops for good, for everybody. Its matches stay in the topic %1.',
        filter.output_topic
      ),
      trans.__('Remove')
    );
    if (sure) {
      await this.attempt(() => this.api.remove(filter.name));
    }
  }

  async rollback(filter: Filter, version: Version): Promise<void> {
    const { trans } = this;
    const sure = await this.isSure(
      trans.__('Go back to version %1 of %2?', version.version, filter.name),
      trans.__('From now on alerts are judged by it, for everybody.'),
      trans.__('Roll back')
    );
    if (sure) {
      await this.attempt(() => this.api.rollback(filter.name, version.version));
    }
  }

  /** Put the text of a version into a new cell. */
  openSource(filter: Filter, version: string): Promise<void> {
    return this.attempt(async () => {
      const source = await this.api.source(filter.name, version);
      await this.openCell(source.cell);
    });
  }

  /** Show what was changed from a version to the current one. */
  compare(filter: Filter, version: string): Promise<void> {
    const { trans } = this;
    return this.attempt(async () => {
      const found = await this.api.difference(
        filter.name,
        version,
        filter.version
      );
      await showDialog({
        title: trans.__('%1: %2 → %3', filter.name, found.old, found.new),
        body: ReactWidget.create(
          createElement(Lines, { lines: found.lines, trans })
        ),
        buttons: [Dialog.okButton({ label: trans.__('Close') })]
      });
    });
  }

  private async isSure(
    title: string,
    body: string,
    label: string
  ): Promise<boolean> {
    const buttons = [Dialog.cancelButton(), Dialog.warnButton({ label })];
    const answer = await showDialog({ title, body, buttons, defaultButton: 0 });
    return answer.button.accept;
  }

  private async attempt(doing: () => Promise<void>): Promise<void> {
    try {
      await doing();
    } catch (error) {
      Notification.error(reason(error), { autoClose: false });
    }
  }
}
