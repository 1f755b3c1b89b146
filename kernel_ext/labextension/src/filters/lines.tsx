import type { TranslationBundle } from '@jupyterlab/translation';

import type { Line } from '../models';

const SIGNS = { same: ' ', added: '+', removed: '−' };

/** The lines of a difference; a sign tells what the colour tells. */
export function Lines(props: { lines: Line[]; trans: TranslationBundle }) {
  const { lines, trans } = props;
  const words = {
    same: '',
    added: trans.__('added'),
    removed: trans.__('removed')
  };
  return (
    <pre className="sky-lines" tabIndex={0}>
      {lines.map((line, index) => (
        <div key={index} data-kind={line.kind}>
          <span aria-label={words[line.kind]}>{SIGNS[line.kind]}</span>{' '}
          {line.text}
        </div>
      ))}
    </pre>
  );
}
