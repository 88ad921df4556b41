import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const SECRET = 'the-song-of-the-canary';
const FILE = 'secret-of-the-canary.txt';

/**
 * What must stay as it is while Steward is attacked: a folder of the server outside every root, a command that would
 * leave a file in it, and a web server inside the server's own network.
 */
export class Canary {
  /** Every request it ever got. */
  readonly requests: string[] = [];

  private constructor(
    readonly folder: string,
    private readonly server: Server,
  ) {
    server.on('request', (request, reply) => {
      this.requests.push(`${request.method} ${request.url}`);
      reply.end(SECRET);
    });
  }

  static async start(): Promise<Canary> {
    const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'steward-canary-')));
    await mkdir(path.join(folder, 'below'));
    await writeFile(path.join(folder, FILE), SECRET);
    await writeFile(path.join(folder, 'below', FILE), SECRET);
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Canary(folder, server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** One that would be seen if anybody ran it. */
  get command(): string {
    return `touch ${this.folder}/it-was-run`;
  }

  /** What it has seen of an attack, and what of it is in `texts`: nothing, when all is well. */
  async harm(...texts: readonly string[]): Promise<string[]> {
    const found = [...this.requests];
    for (const text of texts)
      if (text.includes(SECRET) || text.includes(FILE)) found.push(`shown: ${text.slice(0, 500)}`);
    const files = (await readdir(this.folder, { recursive: true })).toSorted();
    if (files.join('\n') !== ['below', path.join('below', FILE), FILE].toSorted().join('\n'))
      found.push(`the folder has ${files.join(', ')}`);
    for (const file of [FILE, path.join('below', FILE)])
      if ((await readFile(path.join(this.folder, file), 'utf8').catch(() => '')) !== SECRET)
        found.push(`${file} was changed`);
    return found;
  }

  /** Throws when there was harm. */
  async assertUnharmed(): Promise<void> {
    const harm = await this.harm();
    if (harm.length > 0) throw new Error(`the canary: ${harm.join('; ')}`);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
