import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type { TestApp } from './app.js';

/** Sends and fetches contents of files of one remote, as the admin. */
export class FileClient {
  private constructor(
    private readonly app: TestApp,
    readonly remoteId: string,
  ) {}

  /** On a new local remote. */
  static async start(app: TestApp): Promise<FileClient> {
    const name = randomUUID();
    const body = { type: 'local', name, root: path.join(app.settings.localRoots[0] ?? '', name) };
    return new FileClient(app, (await app.call<{ id: string }>('POST', '/api/remotes', { body })).body.id);
  }

  get authorization(): string {
    return `Bearer ${this.app.adminToken}`;
  }

  place(file: string): string {
    return `${this.app.url}/api/remotes/${this.remoteId}/files/content?path=${encodeURIComponent(file)}`;
  }

  send(file: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: this.authorization, ...(init.headers as Record<string, string>) };
    return fetch(this.place(file), { ...init, headers });
  }

  get(file: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.send(file, { headers });
  }

  put(file: string, body: RequestInit['body'], headers: Record<string, string> = {}): Promise<Response> {
    return this.send(file, { method: 'PUT', body: body ?? null, headers, duplex: 'half' } as RequestInit);
  }
}

export async function problemOf(answer: Response): Promise<[status: number, code: string]> {
  return [answer.status, ((await answer.json()) as { code: string }).code];
}
