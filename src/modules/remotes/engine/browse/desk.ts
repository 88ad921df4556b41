import { type RemotePath, displayPath } from '../../remote-path.js';
import type { Located, Locator } from '../locator.js';
import { makeKnown } from '../make-known.js';
import type { CallOptions } from '../rc-client.js';
import type { RcloneLauncher } from '../rclone-launcher.js';
import type { RcloneProcess } from '../rclone-process.js';
import { type Hold, type PoolLimits, RemotePool } from '../remote-pool.js';
import { type OnToken, TokenWatch } from '../token-watch.js';
import { translated } from '../translated.js';
import { type EngineRemote, FileNotFound } from '../transfer-engine.js';

/** A process that knows the remote, and where in it the work is. */
export interface Session {
  /** Calls one rc method. */
  call(method: string, parameters: object, options?: CallOptions): Promise<Record<string, unknown>>;
  /** The remote as an `fs`: one constant text, because rclone remembers every `fs` for minutes. */
  readonly fs: string;
  readonly process: RcloneProcess;
}

/** How long somebody waits for an answer of the far side. */
export const ANSWER_LIMIT_MS = 30_000;

/** Gives single operations a process that knows their remote, and checks their places before. */
export class Desk {
  private readonly pool: RemotePool;
  private readonly served = new WeakMap<RcloneProcess, { fs: string; tokens: TokenWatch }>();

  constructor(
    private readonly launcher: RcloneLauncher,
    private readonly locator: Locator,
    limits: PoolLimits,
    private readonly onToken: OnToken,
  ) {
    this.pool = new RemotePool((remote) => this.serve(remote), limits);
  }

  /** Work that only looks: done again when its process dies. */
  look<T>(
    remote: EngineRemote,
    path: RemotePath,
    work: (session: Session, located: Located) => Promise<T>,
  ): Promise<T> {
    return this.run(remote, path, true, work);
  }

  change<T>(
    remote: EngineRemote,
    path: RemotePath,
    work: (session: Session, located: Located) => Promise<T>,
  ): Promise<T> {
    return this.run(remote, path, false, work);
  }

  /** Where `path` really is, refused where it may not be. */
  locate(remote: EngineRemote, path: RemotePath): Promise<Located> {
    return this.locator.locate([remote], { remoteId: remote.id, path });
  }

  /** For work that goes on after the call: see `RemotePool.hold`. To be given up with `leave`. */
  enter(remote: EngineRemote): Promise<Hold> {
    return this.pool.hold(remote);
  }

  async leave(hold: Hold, broken = false): Promise<void> {
    if (!broken) await this.of(hold.process).tokens.check();
    hold.release(broken);
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  private run<T>(
    remote: EngineRemote,
    path: RemotePath,
    again: boolean,
    work: (session: Session, located: Located) => Promise<T>,
  ): Promise<T> {
    return translated([remote], undefined, async () => {
      const located = await this.locate(remote, path);
      const inProcess = async (process: RcloneProcess): Promise<T> => {
        try {
          return await work(this.session(process), located);
        } finally {
          await this.of(process).tokens.check();
        }
      };
      return this.pool.use(remote, inProcess, { again });
    });
  }

  session(process: RcloneProcess): Session {
    return {
      process,
      fs: this.of(process).fs,
      call: (method, parameters, options) =>
        process.call(method, parameters, { timeoutMs: ANSWER_LIMIT_MS, ...options }),
    };
  }

  private of(process: RcloneProcess): { fs: string; tokens: TokenWatch } {
    const served = this.served.get(process);
    if (served === undefined) throw new Error('not a process of the pool');
    return served;
  }

  private async serve(remote: EngineRemote): Promise<RcloneProcess> {
    const options = { jobExpiry: '60s', interactive: true, mayUseTemporaryFiles: isFolder(remote) };
    const process = await this.launcher.launch(await this.launcher.command(), options);
    try {
      const fs = (await makeKnown(process, [remote])).get(remote.id) ?? '';
      this.served.set(process, { fs, tokens: new TokenWatch(process, [remote], this.onToken) });
    } catch (error) {
      await process.kill();
      throw error;
    }
    return process;
  }
}

/** Nothing that is sent to it is collected anywhere first. */
const isFolder = ({ type, parts: [only] }: EngineRemote): boolean =>
  type === 'local' || (type === 'alias' && only !== undefined && isFolder(only.remote));

export const noFolder = (path: RemotePath, cause?: unknown): FileNotFound =>
  new FileNotFound(`There is no folder at ${displayPath(path)}.`, { cause });
export const noFile = (path: RemotePath, cause?: unknown): FileNotFound =>
  new FileNotFound(`There is no file at ${displayPath(path)}.`, { cause });
export const nothing = (path: RemotePath): FileNotFound =>
  new FileNotFound(`There is nothing at ${displayPath(path)}.`);
