import {
  Button,
  deleteIcon,
  editIcon,
  runIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useState } from 'react';

import { reason } from '../api';
import type { Filter, Version } from '../models';
import { Problem } from '../section';
import { age, span } from '../words';
import type { Actions } from './actions';
import { Tail } from './tail';

interface Props {
  filter: Filter;
  trans: TranslationBundle;
  actions: Actions;
}

/** What there is to know of a filter, and to do with it. */
export function FilterDetail({ filter, trans, actions }: Props) {
  const runs = filter.wanted === 'running' && !isOut(filter);
  return (
    <div className="sky-detail">
      <div
        className="sky-buttons"
        role="toolbar"
        aria-label={trans.__('Actions on %1', filter.name)}
      >
        {runs ? (
          <Button
            className="jp-mod-styled"
            small
            onClick={() => void actions.stop(filter)}
          >
            <stopIcon.react tag="span" aria-hidden />
            {trans.__('Stop')}
          </Button>
        ) : (
          <Button
            className="jp-mod-styled"
            small
            onClick={() => void actions.start(filter)}
          >
            <runIcon.react tag="span" aria-hidden />
            {trans.__('Start')}
          </Button>
        )}
        <Button
          className="jp-mod-styled"
          small
          title={trans.__('Put its text into a new cell')}
          onClick={() => void actions.openSource(filter, '')}
        >
          <editIcon.react tag="span" aria-hidden />
          {trans.__('Source')}
        </Button>
        <Button
          className="jp-mod-styled"
          small
          onClick={() => void actions.remove(filter)}
        >
          <deleteIcon.react tag="span" aria-hidden />
          {trans.__('Remove …')}
        </Button>
      </div>
      <dl className="sky-values">
        <dt>{trans.__('Stream')}</dt>
        <dd>{filter.stream}</dd>
        <dt>{trans.__('Owner')}</dt>
        <dd>{filter.owner || '–'}</dd>
        <dt>{trans.__('Matches in')}</dt>
        <dd>{filter.output_topic}</dd>
        {filter.last_match && (
          <>
            <dt>{trans.__('Last match')}</dt>
            <dd>{age(filter.last_match, trans)}</dd>
          </>
        )}
        {filter.latency_median !== null && (
          <>
            <dt>{trans.__('Latency')}</dt>
            <dd>{trans.__('%1 s', filter.latency_median.toFixed(2))}</dd>
          </>
        )}
        {!!filter.lag_seconds && (
          <>
            <dt>{trans.__('Oldest waits')}</dt>
            <dd>{span(filter.lag_seconds, trans)}</dd>
          </>
        )}
      </dl>
      <Versions filter={filter} trans={trans} actions={actions} />
      <Tail filter={filter} trans={trans} api={actions.api} />
    </div>
  );
}

function Versions({ filter, trans, actions }: Props) {
  const [versions, setVersions] = useState<Version[]>([]);
  const [failed, setFailed] = useState('');
  const { name, version, versions: count } = filter;
  useEffect(() => {
    let current = true;
    actions.api.versions(name).then(
      found => {
        if (current) {
          setVersions(found);
          setFailed('');
        }
      },
      error => current && setFailed(reason(error))
    );
    return () => {
      current = false;
    };
  }, [actions, name, version, count]);
  if (failed) {
    return <Problem text={failed} />;
  }
  return (
    <>
      <h4>{trans._n('%1 version', '%1 versions', filter.versions)}</h4>
      <ul className="sky-versions">
        {versions.map(one => (
          <li key={one.version}>
            <code title={one.where}>{one.version}</code>
            <span>{age(one.deployed, trans)}</span>
            {one.version === filter.version ? (
              <span>{trans.__('current')}</span>
            ) : (
              <>
                <Button
                  minimal
                  small
                  aria-label={trans.__(
                    'Compare %1 with the current',
                    one.version
                  )}
                  onClick={() => void actions.compare(filter, one.version)}
                >
                  {trans.__('compare')}
                </Button>
                <Button
                  minimal
                  small
                  aria-label={trans.__('Roll back to %1', one.version)}
                  onClick={() => void actions.rollback(filter, one)}
                >
                  {trans.__('roll back')}
                </Button>
              </>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function isOut(filter: Filter): boolean {
  return filter.state === 'failed' || filter.state === 'paused';
}
