import type { RemoteView } from '../../src/modules/remotes/remotes.schema.js';
import type { FarSide } from '../far-sides/index.js';
import { FileWork, type Named } from './file-work.js';

/** Remotes on far sides beside those in folders, and the file jobs between them. */
export class FarWork extends FileWork {
  private made = 0;

  /** A remote that leads to this far side; with `password`, one that is perhaps wrong. */
  remoteAt(side: FarSide, password?: string): Promise<RemoteView> {
    const body = side.body(`${side.id} ${++this.made}`);
    return this.demand('POST', '/api/remotes', 201, {
      ...body,
      ...(password !== undefined && { secrets: secretsOf(side, password) }),
    });
  }

  /** What a check finds now. */
  check({ id }: Named): Promise<RemoteView> {
    return this.demand('POST', `/api/remotes/${id}/check`, 200);
  }

  seen({ id }: Named): Promise<RemoteView> {
    return this.demand('GET', `/api/remotes/${id}`, 200);
  }

  /** Tells the remote another password of its far side. */
  tell({ id }: Named, side: FarSide, password: string): Promise<RemoteView> {
    return this.demand('PATCH', `/api/remotes/${id}`, 200, { secrets: secretsOf(side, password) });
  }

  /** One request of the admin; any other status than this one is an error with the whole answer. */
  async demand<Body>(method: string, place: string, status: number, body?: unknown): Promise<Body> {
    const answer = await this.app.call<Body>(method, place, {
      ...(body === undefined ? {} : { body }),
      ...(method === 'PATCH' ? { headers: { 'if-match': '*' } } : {}),
    });
    if (answer.status !== status)
      throw new Error(`${method} ${place}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

/** What the far side has one secret of, whatever it is called there. */
const secretsOf = (side: FarSide, value: string): Record<string, string> =>
  Object.fromEntries(Object.keys(side.access().secrets).map((name) => [name, value]));
