import { Dialog, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

/** Show a picture of the panel as large as it is. */
export async function enlarge(
  url: string,
  title: string,
  trans: TranslationBundle
): Promise<void> {
  const image = document.createElement('img');
  image.src = url;
  image.alt = title;
  const body = new Widget({ node: document.createElement('div') });
  body.node.append(image);
  await showDialog({
    title,
    body,
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
}
