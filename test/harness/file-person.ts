import type { BackupList } from '../../src/modules/remotes/backups/backups.schema.js';
import type { FileView } from '../../src/modules/remotes/files/files.schema.js';
import type { Explanation } from '../../src/modules/remotes/permissions/remote-permissions.schema.js';
import type { RemoteView } from '../../src/modules/remotes/remotes.schema.js';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import { TestEventSource } from './event-source.js';
import { until } from './until.js';

const PASSWORD = 'the password of a person';

/** What stands behind the path of a route. */
const query = (values: Record<string, string>): string => `?${new URLSearchParams(values).toString()}`;

/** A place as payloads name it. */
export const placeAt = (remote: { readonly id: string }, path = '/'): { remoteId: string; path: string } => ({
  remoteId: remote.id,
  path,
});

export const hasEnded = ({ status }: JobView): boolean =>
  ['completed', 'failed', 'cancelled'].includes(status);

export interface Reply<Body> {
  readonly status: number;
  readonly body: Body;
}

interface Signed {
  readonly user: { readonly id: string };
  readonly accessToken: string;
}

/** Somebody who works with files over HTTP and knows nothing but what the API answers. */
export class FilePerson {
  private constructor(
    private readonly url: string,
    readonly id: string,
    private readonly token: string,
  ) {}

  static register(url: string, name: string): Promise<FilePerson> {
    const email = `${name}@example.org`;
    return FilePerson.enter(url, '/api/auth/register', { email, password: PASSWORD });
  }

  static login(url: string, identifier: string, password: string): Promise<FilePerson> {
    return FilePerson.enter(url, '/api/auth/login', { identifier, password });
  }

  private static async enter(url: string, place: string, body: object): Promise<FilePerson> {
    const { user, accessToken } = await new FilePerson(url, '', '').call<Signed>('POST', place, body);
    return new FilePerson(url, user.id, accessToken);
  }

  private get headers(): Record<string, string> {
    return this.token === '' ? {} : { authorization: `Bearer ${this.token}` };
  }

  /** Whatever the answer is. */
  async ask<Body>(method: string, place: string, body?: object): Promise<Reply<Body>> {
    const answer = await this.fetch(place, {
      method,
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text === '' ? null : JSON.parse(text)) as Body };
  }

  /** Rejects when the answer is no success. */
  async call<Body>(method: string, place: string, body?: object): Promise<Body> {
    const answer = await this.ask<Body>(method, place, body);
    if (answer.status >= 400)
      throw new Error(`${method} ${place}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  fetch(place: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...this.headers, ...(init.headers as Record<string, string>) };
    return fetch(`${this.url}${place}`, { ...init, headers });
  }

  follow(channels: string): Promise<TestEventSource> {
    return TestEventSource.open(`${this.url}/api/events?channels=${channels}`, this.headers);
  }

  makeRemote(body: object): Promise<RemoteView> {
    return this.call('POST', '/api/remotes', body);
  }

  check({ id }: RemoteView): Promise<RemoteView> {
    return this.call('POST', `/api/remotes/${id}/check`);
  }

  /** Gives somebody rights for the first time. */
  give({ id }: RemoteView, { id: userId }: FilePerson, body: object): Promise<unknown> {
    return this.call('PUT', `/api/remotes/${id}/permissions/${userId}`, body);
  }

  explain({ id }: RemoteView, action: string, path: string): Promise<Explanation> {
    return this.call('GET', `/api/remotes/${id}/permissions/explain${query({ action, path })}`);
  }

  /** The names in one folder. */
  async names({ id }: RemoteView, path = '/'): Promise<string[]> {
    const { items } = await this.call<{ items: FileView[] }>(
      'GET',
      `/api/remotes/${id}/files${query({ path })}`,
    );
    return items.map(({ name }) => name);
  }

  download({ id }: RemoteView, path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(`/api/remotes/${id}/files/content${query({ path })}`, { headers });
  }

  async upload({ id }: RemoteView, path: string, body: string | Buffer): Promise<Reply<{ code?: string }>> {
    const place = `/api/remotes/${id}/files/content${query({ path })}`;
    const answer = await this.fetch(place, { method: 'PUT', body: body as string });
    return { status: answer.status, body: (await answer.json()) as { code?: string } };
  }

  /** One file that is there. */
  remove({ id }: RemoteView, path: string): Promise<unknown> {
    return this.call('DELETE', `/api/remotes/${id}/files${query({ path })}`);
  }

  async backups({ id }: RemoteView, path: string): Promise<BackupList['items']> {
    return (await this.call<BackupList>('GET', `/api/remotes/${id}/backups${query({ path })}`)).items;
  }

  async start(type: string, payload: object): Promise<string> {
    return (await this.call<JobView>('POST', '/api/jobs', { type, payload })).id;
  }

  job(id: string): Promise<JobView> {
    return this.call('GET', `/api/jobs/${id}`);
  }

  reach(id: string, is: (job: JobView) => boolean): Promise<JobView> {
    let last: JobView | undefined;
    return until(
      async () => {
        last = await this.job(id);
        return is(last) && last;
      },
      { describe: () => `the job to get there: ${JSON.stringify(last)}` },
    );
  }

  /** Starts a job and waits for its end. */
  async done(type: string, payload: object): Promise<JobView> {
    return this.reach(await this.start(type, payload), hasEnded);
  }
}
