import type { TranslationBundle } from '@jupyterlab/translation';
import { useEffect, useState } from 'react';

import { type Api, reason } from '../api';
import type { Values } from '../models';
import { Problem } from '../section';

const SHOWN = 20;

interface Props {
  stream: string;
  column: string;
  api: Api;
  trans: TranslationBundle;
}

/** What a column holds in the newest alerts. */
export function ColumnValues({ stream, column, api, trans }: Props) {
  const [found, setFound] = useState<Values | null>(null);
  const [failed, setFailed] = useState('');
  useEffect(() => {
    let current = true;
    setFound(null);
    setFailed('');
    api.values(stream, column).then(
      values => current && setFound(values),
      error => current && setFailed(reason(error))
    );
    return () => {
      current = false;
    };
  }, [api, stream, column]);
  if (failed) {
    return <Problem text={failed} />;
  }
  return (
    <div className="sky-columnValues" role="status">
      <strong>{column}</strong>
      {found?.unit && ` [${found.unit}]`}{' '}
      <span className="sky-quiet">
        {found
          ? trans._n(
              'in the newest alert',
              'in the newest %1 alerts',
              Math.min(found.read, SHOWN)
            )
          : trans.__('Looking …')}
      </span>
      <div>{found?.values.slice(0, SHOWN).join(', ')}</div>
    </div>
  );
}
