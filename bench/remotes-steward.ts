import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { Agent, request, type ClientRequest, type IncomingMessage } from 'node:http';
import path from 'node:path';
import { freePort } from '../src/kernel/database/embedded/postmaster.js';
import { NO_LIMITS } from './no-limits.js';
import { processorTime } from './processor-time.js';

const PASSWORD = 'the password of the benchmarks';
const MAIN = path.resolve(import.meta.dirname, '../src/main.js');
/** Where each process leaves a profile of its processor time. */
const PROFILES = process.env['BENCH_CPU_PROFILES'];
const PROFILED = PROFILES === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', path.resolve(PROFILES)];

export interface Job {
  readonly id: string;
  readonly status: string;
  readonly error: string | null;
  readonly progress: number;
  readonly result: { readonly bytes: number; readonly files: { readonly created: number } } | null;
  readonly createdAt: string;
  readonly startedAt: string;
  readonly completedAt: string;
}

/** The shipped program in a process of its own, asked over HTTP like by any client. */
export class Steward {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 16 });
  private token: string | undefined;
  /** When the end of a job was heard of, by its id, and who waits for it. */
  private readonly ends = new Map<string, number>();
  private readonly waiting = new Map<string, (at: number) => void>();
  private stream: ClientRequest | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  static async start(environment: Readonly<Record<string, string | undefined>>): Promise<Steward> {
    const port = await freePort();
    const env = {
      PATH: process.env['PATH'],
      RCLONE_PATH: process.env['RCLONE_PATH'],
      STEWARD_SECRET: 'the signing secret of the benchmarks, long enough',
      STEWARD_ADMIN_PASSWORD: PASSWORD,
      STEWARD_DEMO: 'false',
      LOG_LEVEL: 'warn',
      ...NO_LIMITS,
      ...environment,
      PORT: String(port),
    };
    const child = spawn(process.execPath, [...PROFILED, MAIN], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const steward = new Steward(child, port);
    while ((await steward.send('GET', '/api/health/ready').catch(() => null))?.status !== 200) {
      if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    steward.token = await steward.login('admin@steward.local', PASSWORD);
    await steward.listen();
    return steward;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async login(identifier: string, password: string): Promise<string> {
    const body = { identifier, password };
    return (await this.call<{ accessToken: string }>('POST', '/api/auth/login', body)).accessToken;
  }

  /** `Body` is what the caller expects; rejects when the answer is no success. As the admin unless told. */
  async call<Body>(method: string, place: string, body?: object, token = this.token): Promise<Body> {
    const { status, text } = await this.send(method, place, body, { token });
    if (status >= 300) throw new Error(`${method} ${place}: ${status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as Body;
  }

  send(
    method: string,
    place: string,
    body?: object,
    { token, ifMatch }: { token?: string | undefined; ifMatch?: string } = {},
  ): Promise<{ status: number; text: string; etag: string | undefined }> {
    return new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        ...authorization(token),
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        ...(payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      };
      const { agent, port } = this;
      const sent = request({ port, host: '127.0.0.1', path: place, method, headers, agent }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => {
          const { etag } = answer.headers;
          resolve({ status: answer.statusCode ?? 0, text, etag });
        });
      });
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  /** Answers its id. */
  async remote(root: string): Promise<string> {
    const body = { type: 'local', name: root, root };
    return (await this.call<{ id: string }>('POST', '/api/remotes', body)).id;
  }

  /** Changes nothing of a remote but its version: whatever is kept of it is of no use from then on. */
  async edit(remoteId: string, name: string): Promise<void> {
    const place = `/api/remotes/${remoteId}`;
    const { token } = this;
    const { etag } = await this.send('GET', place, undefined, { token });
    const { status, text } = await this.send('PATCH', place, { name }, { token, ifMatch: etag ?? '' });
    if (status !== 200) throw new Error(`the remote was not changed: ${status} ${text}`);
  }

  /** Asks for a job and answers its id. */
  async ask(type: string, payload: object): Promise<string> {
    return (await this.call<Job>('POST', '/api/jobs', { type, payload })).id;
  }

  /** When the news of its end came, by `performance.now()`. */
  async ended(id: string): Promise<number> {
    return this.ends.get(id) ?? new Promise((resolve) => this.waiting.set(id, resolve));
  }

  job(id: string): Promise<Job> {
    return this.call<Job>('GET', `/api/jobs/${id}`);
  }

  /** Processor time so far, with that of its ended rclones, in microseconds. */
  spent(): number {
    return processorTime(this.pid, 'with ended children');
  }

  /** Its rclones: `transfers` the ones of running jobs, else those that answer look-ups. */
  rclones(which: 'transfers' | 'look-ups'): number[] {
    return readdirSync('/proc').flatMap((name) => {
      if (!/^\d+$/.test(name)) return [];
      try {
        const parent = /^.*\) \S (\d+)/s.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1];
        const line = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        const isOne = Number(parent) === this.pid && line[1] === 'rcd';
        return isOne && line.includes('--rc-serve') === (which === 'look-ups') ? [Number(name)] : [];
      } catch {
        return []; // It has ended.
      }
    });
  }

  async stop(): Promise<void> {
    this.stream?.destroy();
    this.agent.destroy();
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    await ended;
  }

  /** One stream for everything: to follow each job by a request of its own would be measured with it. */
  private async listen(): Promise<void> {
    const stream = request({
      port: this.port,
      host: '127.0.0.1',
      path: '/api/events?channels=jobs',
      headers: authorization(this.token),
      agent: false,
    });
    this.stream = stream;
    stream.on('error', () => undefined);
    stream.end();
    const [answer] = (await once(stream, 'response')) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`no events: ${answer.statusCode}`);
    answer.on('error', () => undefined);
    let text = '';
    answer.setEncoding('utf8').on('data', (part: string) => {
      const at = performance.now();
      const blocks = (text + part).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        if (!/^event: ?job\.(completed|failed|cancelled)$/m.test(block)) continue;
        const data = JSON.parse(/^data: ?(.*)$/m.exec(block)?.[1] ?? '{}') as { subjectId?: string };
        if (data.subjectId === undefined) throw new Error(`an end of no job: ${block}`);
        this.ends.set(data.subjectId, at);
        this.waiting.get(data.subjectId)?.(at);
      }
    });
  }
}

const authorization = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

/** A folder as payloads name it. */
export const at = (remoteId: string, folder = '/'): { remoteId: string; path: string } => ({
  remoteId,
  path: folder,
});
