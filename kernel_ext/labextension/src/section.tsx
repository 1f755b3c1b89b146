import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import type { ReactElement } from 'react';

import type { Sky } from './sky';

/** A part of the panel; it is drawn only while it can be seen. */
export abstract class Section extends ReactWidget {
  constructor(
    protected readonly sky: Sky,
    protected readonly trans: TranslationBundle,
    title: string,
    id: string
  ) {
    super();
    this.id = id;
    this.title.label = title;
    this.addClass('sky-Section');
    sky.changed.connect(this.redraw, this);
  }

  override dispose(): void {
    this.sky.changed.disconnect(this.redraw, this);
    super.dispose();
  }

  protected abstract override render(): ReactElement;

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.update();
  }

  protected redraw(): void {
    if (this.isVisible) {
      this.update();
    }
  }
}

/** What went wrong, said to whoever listens to the page, too. */
export function Problem(props: { text: string }) {
  return (
    <div className="sky-problem" role="alert">
      {props.text}
    </div>
  );
}
