import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

import { type Api, reason } from '../api';

/** Show the end of a log, as the text that it is. */
export async function showLog(
  api: Api,
  part: string,
  title: string,
  trans: TranslationBundle
): Promise<void> {
  const body = new Widget({ node: document.createElement('pre') });
  body.addClass('sky-log');
  body.node.tabIndex = 0;
  body.node.textContent = await api.log(part).catch(reason);
  const dialog = new Dialog({
    title: trans.__('Log of %1', title),
    body,
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  const closed = dialog.launch();
  requestAnimationFrame(() => (body.node.scrollTop = body.node.scrollHeight));
  await closed;
}
