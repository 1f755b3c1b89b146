import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type {
  Column,
  ColumnPage,
  Difference,
  Draft,
  Judged,
  MatchPage,
  Problem,
  Remote,
  Session,
  Source,
  Values,
  Version,
  VersionPage,
  Work
} from './models';

const PATIENCE = 30_000;
const part = encodeURIComponent;

/** What the Jupyter server does for the panel, under `/skysieve/`. */
export class Api {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** Where what changes is told. */
  get changes(): string {
    const { wsUrl, token, appendToken } = this.settings;
    const url = URLExt.join(wsUrl, 'skysieve', 'changes');
    return appendToken && token ? `${url}?token=${part(token)}` : url;
  }

  /** Spark's own pages. */
  get sparkUi(): string {
    return URLExt.join(this.settings.baseUrl, 'skysieve', 'spark', 'jobs/');
  }

  start(): Promise<Work> {
    return this.json('/session/start', 'POST', {});
  }

  stop(): Promise<Work> {
    return this.json('/session/stop', 'POST', {});
  }

  attach(remote: Remote): Promise<Session> {
    return this.json('/session/remote', 'PUT', remote);
  }

  async forgetRemote(): Promise<void> {
    await this.ask('/session/remote', 'DELETE');
  }

  async log(name: string): Promise<string> {
    return (await this.ask(`/session/logs/${part(name)}`)).text();
  }

  async tour(): Promise<unknown> {
    return this.json('/tour');
  }

  async columns(stream: string): Promise<Column[]> {
    const found: Column[] = [];
    for (;;) {
      const page = await this.json<ColumnPage>(
        `/streams/${part(stream)}/columns?start=${found.length}&count=500`
      );
      found.push(...page.items);
      if (!page.items.length || found.length >= page.total) {
        return found;
      }
    }
  }

  values(stream: string, column: string): Promise<Values> {
    return this.json(`/streams/${part(stream)}/values?column=${part(column)}`);
  }

  judge(draft: Draft): Promise<Judged> {
    return this.json('/draft', 'POST', draft);
  }

  async stopFilter(name: string): Promise<void> {
    await this.ask(`/filters/${part(name)}/stop`, 'POST', {});
  }

  async startFilter(name: string): Promise<void> {
    await this.ask(`/filters/${part(name)}/start`, 'POST', {});
  }

  async rollback(name: string, version: string): Promise<void> {
    await this.ask(`/filters/${part(name)}/rollback`, 'POST', { version });
  }

  async remove(name: string): Promise<void> {
    await this.ask(`/filters/${part(name)}`, 'DELETE');
  }

  async versions(name: string): Promise<Version[]> {
    const page = await this.json<VersionPage>(
      `/filters/${part(name)}/versions?count=500`
    );
    return page.items;
  }

  source(name: string, version: string): Promise<Source> {
    return this.json(`/filters/${part(name)}/source?version=${part(version)}`);
  }

  difference(name: string, older: string, newer: string): Promise<Difference> {
    return this.json(
      `/filters/${part(name)}/difference?old=${part(older)}&new=${part(newer)}`
    );
  }

  matches(name: string, count: number): Promise<MatchPage> {
    return this.json(`/filters/${part(name)}/matches?count=${count}`);
  }

  async picture(name: string, partition: number, offset: string) {
    const answer = await this.ask(
      `/filters/${part(name)}/matches/${partition}/${offset}/picture`
    );
    return answer.blob();
  }

  private async json<T>(
    path: string,
    method = 'GET',
    body?: object
  ): Promise<T> {
    return (await this.ask(path, method, body)).json() as Promise<T>;
  }

  /** Ask; what goes wrong is an error whose message a person can read. */
  private async ask(
    path: string,
    method = 'GET',
    body?: object
  ): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, 'skysieve') + path;
    const init: RequestInit = {
      method,
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE)
    };
    const answer = await ServerConnection.makeRequest(url, init, this.settings);
    if (answer.ok) {
      return answer;
    }
    const said = (await answer.json().catch(() => null)) as Problem | null;
    throw new Error(said?.message ?? `${answer.status} ${answer.statusText}`);
  }
}

/** What an error says. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
