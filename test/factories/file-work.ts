import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import type { Answer } from '../harness/app.js';
import { Copies, type Problem, type TestRemote } from './copies.js';

/** A place of a remote as payloads name it. */
export const at = ({ id }: TestRemote, path = '/'): { remoteId: string; path: string } => ({
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

  /** From everything of one remote to everything of the other. */
  between(type: string, from: TestRemote, to: TestRemote, options: object = {}): Promise<JobView> {
    return this.done(type, { source: at(from), destination: at(to), options });
  }
}
