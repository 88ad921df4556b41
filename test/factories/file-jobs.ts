import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { Client } from 'pg';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import type { FarSide } from '../far-sides/index.js';
import type { TestApp } from '../harness/app.js';
import { until } from '../harness/until.js';

export interface Place {
  readonly remoteId: string;
  readonly path: string;
}

const ENDS: readonly string[] = ['completed', 'failed', 'cancelled'];

/** Remotes on far sides and in folders, and the jobs that move files between them. */
export class FileJobsDesk {
  private counter = 0;

  constructor(
    private readonly app: TestApp,
    private readonly token: string = app.adminToken,
  ) {}

  /** A remote that leads to this far side. */
  async remoteAt(side: FarSide, name = `far side ${++this.counter}`): Promise<string> {
    return this.newRemote(side.body(`${name} ${side.id}`));
  }

  /** A remote in a folder of its own of this machine. */
  async folder(name = `folder ${++this.counter}`): Promise<{ id: string; root: string }> {
    const root = path.join(this.app.settings.localRoots[0] ?? '', name);
    await mkdir(root, { recursive: true });
    return { id: await this.newRemote({ type: 'local', name, root }), root };
  }

  async newRemote(body: object): Promise<string> {
    const made = await this.call<{ id: string }>('POST', '/api/remotes', body, 201);
    return made.id;
  }

  start(type: string, payload: object, more: object = {}): Promise<JobView> {
    return this.call<JobView>('POST', '/api/jobs', { type, payload, ...more }, 202);
  }

  copy(source: string, destination: string, options: object = {}, type = 'copy'): Promise<JobView> {
    return this.start(type, {
      source: { remoteId: source, path: '/' },
      destination: { remoteId: destination, path: '/' },
      options,
    });
  }

  job(id: string): Promise<JobView> {
    return this.call<JobView>('GET', `/api/jobs/${id}`, undefined, 200);
  }

  async reach(id: string, wanted: (job: JobView) => boolean, what: string): Promise<JobView> {
    let last: JobView | undefined;
    return until(
      async () => {
        last = await this.job(id);
        if (!wanted(last) && ENDS.includes(last.status)) throw new Error(`${what}: ${JSON.stringify(last)}`);
        return wanted(last) && last;
      },
      { timeoutMs: 100_000, describe: () => `${what}; the job is ${JSON.stringify(last)}` },
    );
  }

  ended(id: string): Promise<JobView> {
    return this.reach(id, ({ status }) => ENDS.includes(status), 'an end');
  }

  /** The same, without the waits between the attempts of a job. */
  async endedInHaste(id: string): Promise<JobView> {
    const client = new Client({ connectionString: this.app.settings.databaseUrl });
    await client.connect();
    try {
      return await until(
        async () => {
          const last = await this.job(id);
          if (ENDS.includes(last.status)) return last;
          if (last.status === 'pending' && last.retryCount > 0)
            await client.query(
              `update jobs set scheduled_for = now() where id = $1 and scheduled_for > now()`,
              [id],
            );
          return false;
        },
        { timeoutMs: 100_000, describe: 'an end' },
      );
    } finally {
      await client.end();
    }
  }

  async log(id: string): Promise<string[]> {
    const { items } = await this.call<{ items: { level: string; message: string }[] }>(
      'GET',
      `/api/jobs/${id}/logs?limit=100`,
      undefined,
      200,
    );
    return items.map(({ level, message }) => `${level} ${message}`).toReversed();
  }

  /** One request as the owner of this desk; anything but `status` is an error with the whole answer. */
  async call<Body>(method: string, place: string, body: unknown, status: number): Promise<Body> {
    const answer = await this.app.call<Body>(method, place, {
      token: this.token,
      ...(body === undefined ? {} : { body }),
      ...(method === 'PATCH' || (method === 'DELETE' && !place.includes('/files'))
        ? { headers: { 'if-match': '*' } }
        : {}),
    });
    if (answer.status !== status)
      throw new Error(`${method} ${place}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}
