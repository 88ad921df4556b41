import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import type { Answer, TestApp } from '../harness/app.js';
import { until } from '../harness/until.js';

export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly { readonly pointer: string }[];
}

export interface TestRemote {
  readonly id: string;
  /** Its folder on this machine. */
  readonly root: string;
}

export const hasEnded = ({ status }: JobView): boolean =>
  ['completed', 'failed', 'cancelled'].includes(status);

/** Remotes of one application and the copies between them. */
export class Copies {
  private counter = 0;

  /** `label` tells the remotes of several of these in one application apart. */
  constructor(
    protected readonly app: TestApp,
    private readonly label = '',
  ) {}

  /** Two empty remotes that nobody else uses. */
  async twoRemotes(): Promise<{ from: TestRemote; to: TestRemote }> {
    return { from: await this.remote(), to: await this.remote() };
  }

  /** `folder` is one below the root of all; one of its own unless told. */
  async remote(folder?: string): Promise<TestRemote> {
    const name = `remote ${this.label}${++this.counter}`;
    const root = path.join(this.app.settings.localRoots[0] ?? '', folder ?? name);
    await mkdir(root, { recursive: true });
    const body = { type: 'local', name, root };
    const made = await this.app.call<{ id: string }>('POST', '/api/remotes', { body });
    if (made.status !== 201) throw new Error(`no remote: ${JSON.stringify(made.body)}`);
    return { id: made.body.id, root };
  }

  /** Asks for a copy; the answer is not looked at. */
  ask(payload: unknown, more: object = {}, token?: string): Promise<Answer<JobView & Problem>> {
    const body = { type: 'copy', payload, ...more };
    return this.app.call('POST', '/api/jobs', { body, ...(token === undefined ? {} : { token }) });
  }

  /** Starts a copy of everything from one remote to the other. */
  async start(from: TestRemote, to: TestRemote, options: object = {}, more: object = {}): Promise<JobView> {
    const payload = {
      source: { remoteId: from.id, path: '/' },
      destination: { remoteId: to.id, path: '/' },
      options,
    };
    const { status, body } = await this.ask(payload, more);
    if (status !== 202) throw new Error(`no job: ${JSON.stringify(body)}`);
    return body;
  }

  async job(id: string): Promise<JobView> {
    return (await this.app.call<JobView>('GET', `/api/jobs/${id}`)).body;
  }

  async reach(id: string, wanted: (job: JobView) => boolean, what: string): Promise<JobView> {
    let last: JobView | undefined;
    return until(
      async () => {
        last = await this.job(id);
        if (wanted(last)) return last;
        // Nothing more will come of it.
        if (hasEnded(last)) throw new Error(`${what}; the job is ${JSON.stringify(last)}`);
        return null;
      },
      { describe: () => `${what}; the job is ${JSON.stringify(last)}` },
    );
  }

  ended(id: string): Promise<JobView> {
    return this.reach(id, hasEnded, 'an end');
  }

  async log(id: string): Promise<string[]> {
    const place = `/api/jobs/${id}/logs?limit=100`;
    const { body } = await this.app.call<{ items: { level: string; message: string }[] }>('GET', place);
    return body.items.map(({ level, message }) => `${level} ${message}`).toReversed();
  }
}
