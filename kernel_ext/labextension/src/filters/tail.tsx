import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useState } from 'react';

import { type Api, reason } from '../api';
import type { Filter, Match, MatchPage } from '../models';
import { Problem } from '../section';
import { age } from '../words';
import { enlarge } from './enlarge';

const SHOWN = 8;
const EVERY = 5000;

interface Props {
  filter: Filter;
  trans: TranslationBundle;
  api: Api;
}

/** The newest matches as they arrive, the first of them with its picture. */
export function Tail({ filter, trans, api }: Props) {
  const [page, setPage] = useState<MatchPage | null>(null);
  const [failed, setFailed] = useState('');
  const { name } = filter;
  useEffect(() => {
    let current = true;
    const look = () => {
      if (document.hidden) {
        return;
      }
      api.matches(name, SHOWN).then(
        found => {
          if (current) {
            setPage(found);
            setFailed('');
          }
        },
        error => current && setFailed(reason(error))
      );
    };
    look();
    const timer = setInterval(look, EVERY);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [api, name]);
  const newest = page?.items[0];
  return (
    <>
      <h4>
        {page
          ? trans._n('%1 match', '%1 matches', page.total)
          : trans.__('Matches')}
      </h4>
      {failed && <Problem text={failed} />}
      {page && !newest && (
        <p className="sky-quiet">{trans.__('None has arrived yet.')}</p>
      )}
      {newest && !newest.problem && (
        <Picture name={name} match={newest} trans={trans} api={api} />
      )}
      <ol className="sky-matches" aria-label={trans.__('Newest matches')}>
        {page?.items.map(match => (
          <li key={`${match.partition}/${match.offset}`}>
            <MatchLine match={match} trans={trans} />
          </li>
        ))}
      </ol>
    </>
  );
}

function MatchLine(props: { match: Match; trans: TranslationBundle }) {
  const { match, trans } = props;
  const place =
    match.ra !== null && match.dec !== null
      ? `${match.ra.toFixed(4)} ${match.dec >= 0 ? '+' : '−'}${Math.abs(match.dec).toFixed(4)}`
      : '';
  const more = Object.entries(match.annotations)
    .map(([name, value]) => `${name}=${value}`)
    .join('  ');
  return (
    <>
      <code>{match.id || match.offset}</code>
      <span>{place}</span>
      <span className="sky-quiet">{age(match.arrived, trans)}</span>
      {more && <small>{more}</small>}
      {match.problem && <small className="sky-warning">{match.problem}</small>}
    </>
  );
}

interface PictureProps {
  name: string;
  match: Match;
  trans: TranslationBundle;
  api: Api;
}

function Picture({ name, match, trans, api }: PictureProps) {
  const [url, setUrl] = useState('');
  const { partition, offset } = match;
  useEffect(() => {
    let current = true;
    let made = '';
    api.picture(name, partition, offset).then(
      picture => {
        if (current) {
          made = URL.createObjectURL(picture);
          setUrl(made);
        }
      },
      () => current && setUrl('')
    );
    return () => {
      current = false;
      URL.revokeObjectURL(made);
    };
  }, [api, name, partition, offset]);
  const title = trans.__('Cutouts and light curve of alert %1', match.id);
  return url ? (
    <button
      className="sky-picture"
      title={trans.__('Enlarge')}
      onClick={() => void enlarge(url, title, trans)}
    >
      <img src={url} alt={title} />
    </button>
  ) : null;
}
