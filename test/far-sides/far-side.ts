import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CLEAN_ENVIRONMENT } from '../../src/modules/remotes/engine/rclone-binary.js';
import type { EngineRemote } from '../../src/modules/remotes/engine/transfer-engine.js';
import { rcloneOptions } from '../../src/modules/remotes/types/configuration.js';
import { Proxy } from '../faults/proxy.js';

export type FarSideType = 'sftp' | 'webdav' | 'http' | 's3';

/** What a client configures to reach it: the body of `POST /api/remotes` without type and name. */
export interface Access {
  readonly root: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * A server on the loopback interface that holds files and is reached through rclone, like those that people
 * configure as remotes. A cable stands before it that can be cut; its address stays the same when it is started
 * again.
 */
export abstract class FarSide {
  private static made = 0;
  readonly id = `far-side-${++FarSide.made}`;
  private version = 1;
  protected password = `the first password of ${this.id}`;

  protected constructor(
    readonly type: FarSideType,
    readonly cable: Proxy,
    /** A folder for whatever it needs on this machine; removed when it stops. */
    protected readonly folder: string,
  ) {}

  /** How it is reached now, with the password that is right now. */
  abstract access(): Access;
  /** Its files, each with the hash of its content; folders as null where the protocol has folders. */
  abstract tree(): Promise<Record<string, string | null>>;
  /** Puts files there without Steward. */
  abstract write(files: Record<string, string | Buffer>): Promise<void>;
  /** From now on only this password is accepted. */
  abstract changePassword(password: string): Promise<void>;
  protected abstract end(): Promise<void>;

  /** The body of `POST /api/remotes`. */
  body(name: string): Access & { type: FarSideType; name: string } {
    return { type: this.type, name, ...this.access() };
  }

  /** The remote as the engine gets it; with `password`, one that is perhaps wrong. */
  remote(password?: string): EngineRemote {
    const { options, secrets: right, root } = this.access();
    const given = Object.keys(right).map((name) => [name, password] as const);
    const secrets = password === undefined ? right : (Object.fromEntries(given) as Record<string, string>);
    const all = rcloneOptions(this.type, { options, secrets });
    return { id: this.id, type: this.type, root, version: this.version++, options: all, parts: [] };
  }

  /** rclone by itself, with nothing of Steward between; it knows this far side as `far:`. */
  async rclone(args: readonly string[], password?: string): Promise<string> {
    const { options, root } = this.remote(password);
    const environment: Record<string, string> = { RCLONE_CONFIG_FAR_TYPE: this.type };
    for (const [name, value] of Object.entries(options))
      environment[`RCLONE_CONFIG_FAR_${name.toUpperCase()}`] =
        name === 'pass' ? (await plainRclone(['obscure', String(value)])).trim() : String(value);
    const quick = ['--retries', '1', '--low-level-retries', '1', '--contimeout', '5s'];
    const places = args.map((arg) => arg.replace(/^far:/, `far:${root}/`));
    return plainRclone([...places, ...quick], environment);
  }

  async stop(): Promise<void> {
    this.cable.close();
    await this.end();
    await rm(this.folder, { recursive: true, force: true });
  }

  protected static newFolder = async (): Promise<string> =>
    realpath(await mkdtemp(path.join(tmpdir(), 'steward-far-side-')));
}

/** rclone by itself, with nothing of Steward between: what results are compared with. */
export async function plainRclone(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const program = process.env['RCLONE_PATH'] ?? 'rclone';
  const env = { ...CLEAN_ENVIRONMENT, ...environment };
  const { stdout } = await promisify(execFile)(program, ['--config', '', ...args], {
    env,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
