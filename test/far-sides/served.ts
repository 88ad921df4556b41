import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { CLEAN_ENVIRONMENT } from '../../src/modules/remotes/engine/rclone-binary.js';
import { Proxy } from '../faults/proxy.js';
import { until } from '../harness/until.js';
import { tree, write } from '../harness/files.js';
import { type Access, FarSide, type FarSideType } from './far-side.js';

type ServedType = Exclude<FarSideType, 's3'>;

export interface ServedOptions {
  /** Bytes of the disk it writes to; unlimited unless told. Only where `smallDisksPossible`. */
  readonly diskSize?: number;
}

/** Whether a process may get a small disk of its own here: a tmpfs in a namespace of mounts. */
export const smallDisksPossible = (): boolean =>
  spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' }).status === 0;

const USER = 'somebody';

/** `rclone serve`: SFTP, WebDAV or HTTP over a folder of this machine. */
export class ServedFarSide extends FarSide {
  private child: ChildProcess | null = null;

  private constructor(
    type: ServedType,
    cable: Proxy,
    folder: string,
    private readonly options: ServedOptions,
  ) {
    super(type, cable, folder);
  }

  static async start(type: ServedType, options: ServedOptions = {}): Promise<ServedFarSide> {
    const folder = await FarSide.newFolder();
    await mkdir(path.join(folder, 'files'));
    const side = new ServedFarSide(type, await Proxy.to(0), folder, options);
    await side.begin();
    return side;
  }

  /** Where its files are; a small disk is seen through its process, because nobody else has it. */
  get files(): string {
    const files = path.join(this.folder, 'files');
    return this.options.diskSize === undefined ? files : path.join(`/proc/${this.child?.pid}/root`, files);
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  override access(): Access {
    const { port } = this.cable;
    if (this.type === 'sftp')
      return {
        options: { host: '127.0.0.1', port, user: USER },
        secrets: { password: this.password },
        root: '/',
      };
    const url = `http://127.0.0.1:${port}/`;
    if (this.type === 'webdav')
      return {
        options: { url, vendor: 'other', user: USER },
        secrets: { password: this.password },
        root: '/',
      };
    const login = Buffer.from(`${USER}:${this.password}`).toString('base64');
    return { options: { url }, secrets: { authorization: `Basic ${login}` }, root: '/' };
  }

  override tree(): Promise<Record<string, string | null>> {
    return tree(this.files);
  }

  override write(files: Record<string, string | Buffer>): Promise<void> {
    return write(this.files, files);
  }

  override async changePassword(password: string): Promise<void> {
    this.password = password;
    await this.end();
    await this.begin();
  }

  /** The kernel holds the process: it keeps its connections and answers nothing. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  protected override async end(): Promise<void> {
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  private async begin(): Promise<void> {
    const port = await freePort();
    const files = path.join(this.folder, 'files');
    const program = process.env['RCLONE_PATH'] ?? 'rclone';
    const serve = [program, 'serve', this.type, files, '--addr', `127.0.0.1:${port}`];
    // What tests write past it is seen at once.
    const options = ['--dir-cache-time', '0s', '--config', ''];
    // Keys of the host stay the same when it is started again.
    const command = [...serve, ...options, '--cache-dir', path.join(this.folder, 'cache')];
    const { diskSize } = this.options;
    const [first = '', ...rest] = diskSize === undefined ? command : onSmallDisk(files, diskSize, command);
    const child = spawn(first, rest, {
      env: { ...CLEAN_ENVIRONMENT, RCLONE_USER: USER, RCLONE_PASS: this.password },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk) => (said += String(chunk)));
    this.child = child;
    this.cable.target = port;
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`rclone serve ${this.type} ended: ${said}`);
        return listens(port);
      },
      { describe: () => `rclone serve ${this.type} to listen: ${said}` },
    );
  }
}

const MOUNT_AND_RUN = 'mount -t tmpfs -o "size=$1" none "$2" && shift 2 && exec "$@"';

/** A tmpfs that only this process has, and that goes with it. */
const onSmallDisk = (place: string, bytes: number, command: readonly string[]): string[] =>
  ['unshare', '-rm', 'sh', '-c', MOUNT_AND_RUN, 'sh', String(bytes), place].concat(command);

/** rclone says its port only for some protocols, so it is told one that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
