import { Button, refreshIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type ReactElement, useState } from 'react';

import { reason } from '../api';
import type { PartStatus, Session, Work } from '../models';
import { Problem, Section } from '../section';
import type { Sky } from '../sky';
import { showLog } from './log';
import { nameRemote } from './remote';

/** The session: what runs of it, start and stop, logs, and one elsewhere. */
export class SessionSection extends Section {
  constructor(
    sky: Sky,
    trans: TranslationBundle,
    private readonly attach: () => void
  ) {
    super(sky, trans, trans.__('Session'), 'skysieve-session');
  }

  protected override render(): ReactElement {
    const { sky, trans } = this;
    return <SessionView sky={sky} trans={trans} attach={this.attach} />;
  }
}

interface Props {
  sky: Sky;
  trans: TranslationBundle;
  attach: () => void;
}

function SessionView({ sky, trans, attach }: Props) {
  const [failed, setFailed] = useState('');
  const { session } = sky;
  if (!sky.isHeard && !session) {
    return (
      <p className="sky-quiet" role="status">
        {trans.__('Asking the Jupyter server …')}
      </p>
    );
  }
  const act = async (doing: () => Promise<unknown>) => {
    setFailed('');
    try {
      await doing();
    } catch (error) {
      setFailed(reason(error));
    }
  };
  return (
    <>
      {!sky.isHeard && (
        <Problem
          text={trans.__(
            'The Jupyter server does not answer: what is shown may be old.'
          )}
        />
      )}
      {session && (
        <>
          <Where session={session} trans={trans} />
          <ul className="sky-parts" aria-label={trans.__('Parts')}>
            {session.parts.map(part => (
              <Part key={part.name} part={part} sky={sky} trans={trans} />
            ))}
          </ul>
          {session.problem && <Problem text={session.problem} />}
          <Progress work={session.work} trans={trans} />
          <div className="sky-buttons">
            <Buttons session={session} sky={sky} trans={trans} act={act} />
            <Button
              className="jp-mod-styled"
              small
              onClick={attach}
              title={trans.__(
                'Put one line into the notebook that attaches it'
              )}
            >
              {trans.__('Attach notebook')}
            </Button>
            <Button
              className="jp-mod-styled"
              small
              onClick={() => void nameRemote(sky.api, trans)}
            >
              {trans.__('Elsewhere …')}
            </Button>
          </div>
        </>
      )}
      {failed && <Problem text={failed} />}
    </>
  );
}

function Where(props: { session: Session; trans: TranslationBundle }) {
  const { session, trans } = props;
  const words = {
    local: trans.__('On this computer'),
    remote: trans.__('Elsewhere'),
    none: trans.__('No session is running.')
  };
  return (
    <p className="sky-where">
      {words[session.place]}
      {session.kafka && <code>{session.kafka}</code>}
    </p>
  );
}

function Part(props: { part: PartStatus; sky: Sky; trans: TranslationBundle }) {
  const { part, sky, trans } = props;
  const names = {
    kafka: 'Kafka',
    spark: 'Spark',
    supervisor: trans.__('Supervisor')
  };
  const states = {
    running: trans.__('running'),
    waiting: trans.__('waiting for %1', names[part.waits_for ?? 'spark']),
    stopped: trans.__('stopped'),
    unreachable: trans.__('cannot be reached'),
    unknown: trans.__('not known')
  };
  return (
    <li title={part.reason}>
      <span className="sky-dot" data-state={part.state} aria-hidden="true" />
      <span className="sky-name">{names[part.name]}</span>
      <span>{states[part.state]}</span>
      {part.log && (
        <Button
          minimal
          small
          aria-label={trans.__('Log of %1', names[part.name])}
          onClick={() =>
            void showLog(sky.api, part.name, names[part.name], trans)
          }
        >
          {trans.__('log')}
        </Button>
      )}
      {part.name === 'spark' && sky.session?.spark_ui && (
        <a
          className="sky-link"
          href={sky.api.sparkUi}
          target="_blank"
          rel="noopener"
        >
          {trans.__('Spark UI')}
        </a>
      )}
      {part.name !== 'kafka' && part.reason && (
        <small className="sky-quiet">{part.reason}</small>
      )}
    </li>
  );
}

function Progress(props: { work: Work | null; trans: TranslationBundle }) {
  const { work, trans } = props;
  if (work?.state === 'failed') {
    return <Problem text={work.error} />;
  }
  if (work?.state !== 'running') {
    return null;
  }
  const waiting =
    work.doing === 'start' ? trans.__('Starting …') : trans.__('Stopping …');
  return (
    <div className="sky-progress" role="status" aria-live="polite">
      <refreshIcon.react tag="span" className="sky-turning" aria-hidden />
      {work.steps[work.steps.length - 1] ?? waiting}
    </div>
  );
}

interface ButtonsProps {
  session: Session;
  sky: Sky;
  trans: TranslationBundle;
  act: (doing: () => Promise<unknown>) => Promise<void>;
}

function Buttons({ session, sky, trans, act }: ButtonsProps) {
  if (session.place === 'remote') {
    return session.attach.endsWith('attach()') ? null : (
      <Button
        className="jp-mod-styled"
        small
        onClick={() => void act(() => sky.api.forgetRemote())}
      >
        {trans.__('Leave it')}
      </Button>
    );
  }
  const stopped = session.parts.filter(part => part.state === 'stopped').length;
  const running = session.parts.length - stopped;
  const busy = session.work?.state === 'running';
  return (
    <>
      {stopped > 0 && (
        <Button
          className="jp-mod-styled jp-mod-accept"
          small
          disabled={busy}
          onClick={() => void act(() => sky.api.start())}
        >
          {running
            ? trans.__('Start what is missing')
            : trans.__('Start session')}
        </Button>
      )}
      {running > 0 && (
        <Button
          className="jp-mod-styled"
          small
          disabled={busy}
          onClick={() => void act(() => sky.api.stop())}
        >
          {trans.__('Stop session')}
        </Button>
      )}
    </>
  );
}
