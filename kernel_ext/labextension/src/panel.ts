import { SidePanel } from '@jupyterlab/ui-components';
import type { ITranslator, TranslationBundle } from '@jupyterlab/translation';
import type { AccordionPanel } from '@lumino/widgets';

import { skyIcon } from './icons';
import type { Section } from './section';

export const PANEL = 'skysieve-panel';

/** The left panel: what it shows needs no kernel. */
export function makePanel(
  sections: Section[],
  translator: ITranslator,
  trans: TranslationBundle
): SidePanel {
  const panel = new SidePanel({ translator });
  panel.id = PANEL;
  panel.addClass('sky-Panel');
  panel.title.icon = skyIcon;
  panel.title.caption = trans.__('Skysieve: session, streams and filters');
  panel.node.setAttribute('role', 'region');
  panel.node.setAttribute('aria-label', 'Skysieve');
  sections.forEach(section => panel.addWidget(section));
  (panel.content as AccordionPanel).setRelativeSizes([8, 6, 9]);
  return panel;
}
