import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import type { Answer } from '../harness/app.js';
import { withClient } from '../harness/database.js';
import { until } from '../harness/until.js';
import { Copies, hasEnded, type Problem, type TestRemote } from './copies.js';

/** A remote of whatever type. */
export type Named = Pick<TestRemote, 'id'>;

/** A place of a remote as payloads name it. */
export const at = ({ id }: Named, path = '/'): { remoteId: string; path: string } => ({
  remoteId: id,
  path,
});

/** Remotes of one application and file jobs of any type. */
export class FileWork extends Copies {
  request(type: string, payload: unknown, more: object = {}): Promise<Answer<JobView & Problem>> {
    return this.app.call('POST', '/api/jobs', { body: { type, payload, ...more } });
  }

  /** Asks for it; it must be accepted. */
  async make(type: string, payload: unknown, more: object = {}): Promise<string> {
    const { status, body } = await this.request(type, payload, more);
    if (status !== 202) throw new Error(`no job: ${JSON.stringify(body)}`);
    return body.id;
  }

  /** Asks for it and waits for its end. */
  async done(type: string, payload: unknown, more: object = {}): Promise<JobView> {
    return this.ended(await this.make(type, payload, more));
  }

  /** Asks for everything of one remote to go to the other. */
  begin(type: string, from: Named, to: Named, options: object = {}): Promise<string> {
    return this.make(type, { source: at(from), destination: at(to), options });
  }

  /** The same, and waits for its end. */
  async between(type: string, from: Named, to: Named, options: object = {}): Promise<JobView> {
    return this.ended(await this.begin(type, from, to, options));
  }

  /** Waits for its end without the pauses between its attempts: what it waits for has come. */
  async endedInHaste(id: string): Promise<JobView> {
    return withClient(this.app.settings.databaseUrl ?? '', (client) =>
      until(
        async () => {
          const job = await this.job(id);
          if (hasEnded(job)) return job;
          await client.query(
            `update jobs set run_at = now() where id = $1 and status = 'pending' and turn is null and run_at > now()`,
            [id],
          );
          return null;
        },
        { describe: 'an end' },
      ),
    );
  }
}
