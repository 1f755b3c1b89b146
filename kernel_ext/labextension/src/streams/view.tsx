import { caretDownIcon, caretRightIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { memo, type ReactElement, useState } from 'react';

import type { Stream } from '../models';
import { Section } from '../section';
import type { Sky } from '../sky';
import { Sparkline } from '../sparkline';
import { age, number, span } from '../words';
import { Columns } from './columns';

/** The streams, and the columns of those that are opened. */
export class StreamsSection extends Section {
  constructor(
    sky: Sky,
    trans: TranslationBundle,
    private readonly insert: (text: string) => void
  ) {
    super(sky, trans, trans.__('Streams'), 'skysieve-streams');
  }

  protected override render(): ReactElement {
    const { sky, trans } = this;
    if (!sky.streams.size) {
      return (
        <p className="sky-quiet">
          {sky.session?.place === 'none'
            ? trans.__('Streams are shown when a session runs.')
            : trans.__(
                'No stream is here yet: `skysieve simulate --stream lsst-alerts` makes one.'
              )}
        </p>
      );
    }
    return (
      <ul className="sky-rows" aria-label={trans.__('Streams')}>
        {[...sky.streams.values()].map(stream => (
          <StreamRow
            key={stream.name}
            stream={stream}
            rates={sky.rates('stream', stream.name)}
            sky={sky}
            trans={trans}
            insert={this.insert}
          />
        ))}
      </ul>
    );
  }
}

interface RowProps {
  stream: Stream;
  rates: readonly number[];
  sky: Sky;
  trans: TranslationBundle;
  insert: (text: string) => void;
}

const StreamRow = memo(function StreamRow(props: RowProps) {
  const { stream, rates, sky, trans, insert } = props;
  const [open, setOpen] = useState(false);
  const Caret = open ? caretDownIcon : caretRightIcon;
  const rate = stream.packets_per_second;
  return (
    <li>
      <button
        className="sky-row"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Caret.react tag="span" aria-hidden />
        <span className="sky-name">{stream.name}</span>
        <Sparkline values={rates} label={trans.__('packets per second')} />
        <span className="sky-rate">
          {rate === null ? '–' : trans.__('%1/s', number(rate))}
        </span>
      </button>
      <div className="sky-facts">
        <span>
          {stream.newest
            ? trans.__('newest %1', age(stream.newest, trans))
            : trans.__('empty')}
        </span>
        <span>
          {stream.retention_seconds === null
            ? trans.__('kept for good')
            : trans.__('kept %1', span(stream.retention_seconds, trans))}
        </span>
        <span>{trans._n('%1 packet', '%1 packets', stream.packets)}</span>
        {stream.rejected > 0 && (
          <span className="sky-warning">
            {trans.__('%1 rejected', stream.rejected.toLocaleString())}
          </span>
        )}
      </div>
      {open && (
        <Columns
          stream={stream.name}
          api={sky.api}
          trans={trans}
          insert={insert}
        />
      )}
    </li>
  );
});
