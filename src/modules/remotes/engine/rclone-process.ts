import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { type LogLine, parseLogLine } from './rc-log.js';
import type { IncomingMessage } from 'node:http';
import { type CallOptions, RcClient } from './rc-client.js';
import type { RemotePath } from '../remote-path.js';
import { CLEAN_ENVIRONMENT, type RcloneCommand } from './rclone-binary.js';

const READY_LIMIT_MS = 15_000;
const END_SEEN_WITHIN_MS = 250;
const READY_LINE = /Serving remote control on http:\/\/127\.0\.0\.1:(\d+)\//;
/** Where nothing can be written: rclone would collect there what people send, and leave it when it is killed. */
const NO_SPOOL = { TMPDIR: '/dev/null' };
/** Lines kept to explain a failed start. */
const TAIL_LINES = 5;

export interface RcloneExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface StartOptions {
  jobExpiry: string;
  interactive?: boolean;
  /** It may put files into the folder for temporary ones: rclone finds out there how exact the times of a disk are. */
  mayUseTemporaryFiles?: boolean;
  onLine?: (line: LogLine) => void;
  signal?: AbortSignal;
}

/** rclone did not come up. `missing`: its program could not be run at all. */
export class RcloneStartError extends Error {
  override readonly name = 'RcloneStartError';

  constructor(
    message: string,
    readonly missing: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Killed when this process ends in an orderly way; where `setpriv` exists the kernel does it in every other. */
const living = new Set<ChildProcess>();
function killLiving(): void {
  for (const child of living) child.kill('SIGKILL');
}

/**
 * One private `rclone rcd`: configuration in memory only, reachable on the loopback interface with a random
 * password that no argument list and no file holds.
 *
 * Guarantees: nothing of this process's environment is passed on; its log is always read (a full pipe would stop
 * it); it dies with this process. Must be started from the main thread: the kernel ends it with the *thread* that
 * made it.
 */
export class RcloneProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly client: RcClient,
    /** Resolves, never rejects, when it has ended for whatever reason and its whole log has been read. */
    readonly exited: Promise<RcloneExit>,
  ) {}

  /**
   * Starts one and waits until it answers. `onLine` gets every line of its log, also before that.
   * `jobExpiry`: how long finished jobs stay known. `interactive`: a person waits, so it gives up on a far side
   * that is not there after seconds, and it also serves the content of files (`read`). Throws `RcloneStartError`, or the reason of `signal`.
   */
  static async start(
    { command }: Pick<RcloneCommand, 'command'>,
    options: StartOptions,
  ): Promise<RcloneProcess> {
    options.signal?.throwIfAborted();
    const password = randomBytes(24).toString('base64url');
    const [program, ...leading] = command;
    const child = spawn(program, [...leading, ...rcdArguments(options)], {
      env: {
        ...CLEAN_ENVIRONMENT,
        ...(options.interactive && !options.mayUseTemporaryFiles && NO_SPOOL),
        RCLONE_RC_USER: 'steward',
        RCLONE_RC_PASS: password,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
      cwd: tmpdir(),
    });
    if (living.size === 0) process.once('exit', killLiving);
    living.add(child);

    const exited = new Promise<RcloneExit>((done) => {
      // 'close' comes after 'exit', when everything it wrote has been read; after a failed spawn it comes alone.
      child.once('close', (code, signal) => {
        living.delete(child);
        if (living.size === 0) process.off('exit', killLiving);
        done({ code, signal });
      });
    });
    const port = await ready(child, options);
    const client = new RcClient(port, 'steward', password);
    child.once('exit', () => client.close());
    return new RcloneProcess(child, client, exited);
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** How it ended, if it did: to be asked after a broken connection, which is seen before the end that broke it. */
  hasEnded(): Promise<RcloneExit | null> {
    return Promise.race([this.exited, delay(END_SEEN_WITHIN_MS, null)]);
  }

  /** Calls one rc method: see `RcClient.call`. */
  call(method: string, parameters: object, options: CallOptions = {}): Promise<Record<string, unknown>> {
    return this.client.call(method, parameters, options);
  }

  /**
   * Begins to read a file: `fs` as named by `makeKnown`, `path` checked. For interactive processes only. Errors:
   * see `RcClient.get`.
   */
  read(
    fs: string,
    path: RemotePath,
    headers: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    // Only a name of ours stands in the brackets: what else can stand there runs commands.
    if (!/^r\d+:$/.test(fs)) throw new Error('no remote of this process');
    const names = path.split('/').map(encodeURIComponent).join('/');
    return this.client.get(`/%5B${encodeURIComponent(fs)}%5D/${names}`, headers, { signal });
  }

  /** Ends it at once; it has nothing to save. Resolves when it is gone and its log read. May be called again. */
  async kill(): Promise<RcloneExit> {
    this.client.close();
    this.child.kill('SIGKILL');
    return this.exited;
  }
}

function rcdArguments({ jobExpiry, interactive = false }: StartOptions): string[] {
  const options: [name: string, value: string][] = [
    ['--config', ''],
    ['--rc-addr', '127.0.0.1:0'],
    // Never DEBUG: it prints secrets.
    ['--log-level', 'INFO'],
    ['--rc-job-expire-duration', jobExpiry],
    ['--cache-dir', '/dev/null/cache'],
    ['--contimeout', interactive ? '5s' : '15s'],
    ['--timeout', '5m'],
    ['--low-level-retries', interactive ? '1' : '10'],
    // A large file may take long to read and to write: by default rclone cuts every answer after an hour.
    ['--rc-server-read-timeout', '48h'],
    ['--rc-server-write-timeout', '48h'],
  ];
  return ['rcd', '--use-json-log', ...(interactive ? ['--rc-serve'] : []), ...options.flat()];
}

/** The port it listens on, as soon as it says so. On failure it is dead when this throws. */
function ready(
  child: ChildProcess,
  options: { onLine?: (line: LogLine) => void; signal?: AbortSignal },
): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    const tail: string[] = [];
    let failure: Error | null = null;
    const fail = (error: Error): void => {
      failure ??= error;
      child.kill('SIGKILL');
    };
    const timer = setTimeout(() => {
      fail(new RcloneStartError(`rclone did not answer within ${READY_LIMIT_MS / 1000} s.`, false));
    }, READY_LIMIT_MS);
    const aborted = (): void => fail(new RcloneStartError('The start was aborted.', false));
    options.signal?.addEventListener('abort', aborted, { once: true });
    const settle = (): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', aborted);
    };

    child.once('error', (cause) => {
      failure ??= new RcloneStartError(`rclone could not be started: ${cause.message}`, true, { cause });
    });
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on('line', (text) => {
        const line = parseLogLine(text);
        options.onLine?.(line);
        tail.push(line.message);
        if (tail.length > TAIL_LINES) tail.shift();
        const port = READY_LINE.exec(line.message)?.[1];
        if (port === undefined || failure !== null) return;
        settle();
        resolve(Number(port));
      });
    }
    child.once('close', (code, signal) => {
      settle();
      const how = signal ?? `exit code ${code}`;
      // 127: setpriv ran, but not rclone behind it.
      reject(
        failure ??
          new RcloneStartError(`rclone ended while starting (${how}): ${tail.join(' ')}`, code === 127),
      );
    });
  });
}
