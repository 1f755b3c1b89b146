import { Button } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type FormEvent, useState } from 'react';

import { type Api, reason } from '../api';
import type { Remote } from '../models';
import { Problem } from '../section';

interface Props {
  api: Api;
  trans: TranslationBundle;
  done: () => void;
}

/** Names a session elsewhere. What is secret stays in the server's memory. */
export function RemoteForm({ api, trans, done }: Props) {
  const [failed, setFailed] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    setBusy(true);
    setFailed('');
    try {
      await api.attach(Object.fromEntries(said) as unknown as Remote);
      done();
    } catch (error) {
      setFailed(reason(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="sky-form" onSubmit={event => void submit(event)}>
      <label>
        Spark Connect
        <input
          name="spark"
          className="jp-mod-styled"
          placeholder="sc://host:15002"
          pattern="sc://[^\s\/;@]+"
          required
        />
      </label>
      <label>
        Kafka
        <input
          name="kafka"
          className="jp-mod-styled"
          placeholder="host:9092"
          pattern="[^\s@\/]+:\d+"
          required
        />
      </label>
      <label>
        {trans.__('User')}
        <input name="user" className="jp-mod-styled" autoComplete="off" />
      </label>
      <label>
        {trans.__('Password')}
        <input
          name="password"
          className="jp-mod-styled"
          type="password"
          autoComplete="off"
        />
      </label>
      <label>
        {trans.__('Protocol')}
        <select name="protocol" className="jp-mod-styled">
          <option value="">{trans.__('as usual')}</option>
          {['SASL_SSL', 'SSL', 'PLAINTEXT', 'SASL_PLAINTEXT'].map(name => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label>
        {trans.__('Authority (PEM file)')}
        <input name="ca" className="jp-mod-styled" autoComplete="off" />
      </label>
      <small className="sky-quiet">
        {trans.__(
          'User and password are kept in the memory of the Jupyter server, for this panel. A notebook takes them, and the token of Spark, from its environment.'
        )}
      </small>
      {failed && <Problem text={failed} />}
      <div className="sky-buttons">
        <Button
          type="submit"
          className="jp-mod-styled jp-mod-accept"
          small
          disabled={busy}
        >
          {busy ? trans.__('Asking …') : trans.__('Show this session')}
        </Button>
        <Button type="button" className="jp-mod-styled" small onClick={done}>
          {trans.__('Cancel')}
        </Button>
      </div>
    </form>
  );
}
