import { Dialog, ReactWidget, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { ReactElement } from 'react';

import { type Api, reason } from '../api';
import type { Remote } from '../models';
import { Problem } from '../section';

const PROTOCOLS = ['SASL_SSL', 'SSL', 'PLAINTEXT', 'SASL_PLAINTEXT'];

/** Ask for a session elsewhere, until it can be shown or that is given up. What is secret stays in the server's memory. */
export async function nameRemote(
  api: Api,
  trans: TranslationBundle
): Promise<void> {
  let said: Remote = { spark: '', kafka: '' };
  let failed = '';
  for (;;) {
    const answer = await showDialog<Remote>({
      title: trans.__('A session elsewhere'),
      body: new RemoteForm(said, failed, trans),
      buttons: [
        Dialog.cancelButton(),
        Dialog.okButton({ label: trans.__('Show this session') })
      ],
      focusNodeSelector: 'input'
    });
    if (!answer.button.accept || !answer.value) {
      return;
    }
    said = answer.value;
    failed = wrong(said, trans);
    try {
      if (!failed) {
        await api.attach(said);
        return;
      }
    } catch (error) {
      failed = reason(error);
    }
  }
}

function wrong(said: Remote, trans: TranslationBundle): string {
  if (!/^sc:\/\/[^\s/;@]+$/.test(said.spark)) {
    return trans.__('Spark Connect: write sc://host:15002, without a token.');
  }
  if (!/^[^\s@/]+:\d+$/.test(said.kafka)) {
    return trans.__('Kafka: write host:9092, or several with commas.');
  }
  return '';
}

class RemoteForm extends ReactWidget implements Dialog.IBodyWidget<Remote> {
  constructor(
    private readonly said: Remote,
    private readonly failed: string,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('sky-RemoteForm');
  }

  getValue(): Remote {
    const form = this.node.querySelector('form');
    return Object.fromEntries(
      new FormData(form ?? undefined)
    ) as unknown as Remote;
  }

  protected override render(): ReactElement {
    const { said, failed, trans } = this;
    const field = (name: keyof Remote, label: string, hint = '') => (
      <label>
        {label}
        <input
          name={name}
          className="jp-mod-styled"
          type={name === 'password' ? 'password' : 'text'}
          placeholder={hint}
          defaultValue={said[name]}
          autoComplete="off"
        />
      </label>
    );
    return (
      <form className="sky-form" onSubmit={event => event.preventDefault()}>
        {field('spark', 'Spark Connect', 'sc://host:15002')}
        {field('kafka', 'Kafka', 'host:9092')}
        {field('user', trans.__('User of Kafka, if it knows any'))}
        {field('password', trans.__('Password'))}
        <label>
          {trans.__('Protocol')}
          <select
            name="protocol"
            className="jp-mod-styled"
            defaultValue={said.protocol ?? ''}
          >
            <option value="">{trans.__('as usual')}</option>
            {PROTOCOLS.map(name => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {field(
          'ca',
          trans.__('Authority that signed its certificate (PEM file)')
        )}
        <small>
          {trans.__(
            'User and password are kept in the memory of the Jupyter server, for this panel. A notebook takes them, and the token of Spark, from its environment.'
          )}
        </small>
        {failed && <Problem text={failed} />}
      </form>
    );
  }
}
