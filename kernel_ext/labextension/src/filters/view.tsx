import { Button } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ReactElement, useState } from 'react';

import { Section } from '../section';
import type { Sky } from '../sky';
import type { Actions } from './actions';
import { FilterRow } from './row';

const PAGE = 50;

/** Every deployment. */
export class FiltersSection extends Section {
  constructor(
    sky: Sky,
    trans: TranslationBundle,
    private readonly actions: Actions
  ) {
    super(sky, trans, trans.__('Filters'), 'skysieve-filters');
  }

  protected override render(): ReactElement {
    const { sky, trans, actions } = this;
    return <FiltersView sky={sky} trans={trans} actions={actions} />;
  }
}

interface Props {
  sky: Sky;
  trans: TranslationBundle;
  actions: Actions;
}

function FiltersView({ sky, trans, actions }: Props) {
  const [sought, setSought] = useState('');
  const [shown, setShown] = useState(PAGE);
  if (!sky.filters.size) {
    return (
      <p className="sky-quiet">
        {trans.__(
          'No filter is deployed. Write one in a %%%%filter cell, look at its preview, and deploy it.'
        )}
      </p>
    );
  }
  const wanted = sought.trim().toLowerCase();
  const found = [...sky.filters.values()].filter(one =>
    `${one.name} ${one.stream} ${one.owner} ${one.state}`
      .toLowerCase()
      .includes(wanted)
  );
  return (
    <>
      {sky.filters.size > 5 && (
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans.__('Search name, stream, owner, state')}
          aria-label={trans.__('Search the filters')}
          value={sought}
          onChange={event => setSought(event.target.value)}
        />
      )}
      <ul className="sky-rows" aria-label={trans.__('Filters')}>
        {found.slice(0, shown).map(filter => (
          <FilterRow
            key={filter.name}
            filter={filter}
            coming={sky.rates('in', filter.name)}
            going={sky.rates('out', filter.name)}
            trans={trans}
            actions={actions}
          />
        ))}
      </ul>
      {found.length > shown && (
        <Button
          className="jp-mod-styled"
          small
          onClick={() => setShown(shown + PAGE)}
        >
          {trans.__('Show more (%1 left)', found.length - shown)}
        </Button>
      )}
    </>
  );
}
