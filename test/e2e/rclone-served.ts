import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { CLEAN_ENVIRONMENT } from '../../src/modules/remotes/engine/rclone-binary.js';
import type { EngineRemote, RemoteOptions } from '../../src/modules/remotes/engine/transfer-engine.js';
import type { RemoteType } from '../../src/modules/remotes/types/remote-types.js';
import { until } from '../harness/until.js';

export const PASSWORD = 'p"a\'s%s\\ 비밀 \u00e9e\u0301 %(x)s';

/** A server of files on the loopback interface, and the folder it serves. */
export interface Served {
  readonly files: string;
  readonly child: ChildProcess;
  readonly remote: EngineRemote;
  stop(): void;
}

export const remoteOf = (
  id: string,
  type: RemoteType,
  options: RemoteOptions,
  over: Partial<EngineRemote> = {},
): EngineRemote => ({ id, type, root: '/', version: 1, options, parts: [], ...over });

/** `rclone serve` of `folder`/<protocol>. */
export async function serve(folder: string, protocol: 'sftp' | 'webdav' | 'http'): Promise<Served> {
  const files = join(folder, protocol);
  await mkdir(files, { recursive: true });
  const port = await freePort();
  const login = protocol === 'http' ? {} : { RCLONE_USER: 'somebody', RCLONE_PASS: PASSWORD };
  const child = spawn(
    'rclone',
    [
      'serve',
      protocol,
      files,
      '--addr',
      `127.0.0.1:${port}`,
      '--config',
      '',
      '--cache-dir',
      `${files}.cache`,
    ],
    { env: { ...CLEAN_ENVIRONMENT, ...login }, stdio: 'ignore' },
  );
  await until(() => listens(port), { describe: `rclone serve ${protocol} to listen` });
  const url = `http://127.0.0.1:${port}/`;
  const options: Record<string, RemoteOptions> = {
    sftp: { host: '127.0.0.1', port, user: 'somebody', pass: PASSWORD, shell_type: 'unix' },
    webdav: { url, vendor: 'other', user: 'somebody', pass: PASSWORD },
    http: { url },
  };
  return {
    files,
    child,
    remote: remoteOf(protocol, protocol, options[protocol] ?? {}),
    stop: () => child.kill('SIGKILL'),
  };
}

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
