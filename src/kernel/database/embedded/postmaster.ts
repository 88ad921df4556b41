import { createServer } from 'node:net';
import { execFile } from 'node:child_process';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { processExists, type ServerFiles } from './cluster.js';
import { EmbeddedPostgresError, errorCode } from './embedded-postgres-error.js';
import type { PostgresBinaries } from './binaries.js';
import type { ServerUser } from './server-user.js';

const execFileAsync = promisify(execFile);

/** Whole seconds pg_ctl waits; a recovery after a crash may replay a gigabyte of log. */
export const START_SECONDS = 90;
const STOP_SECONDS = 60;

/** What postmaster.pid says about a server that is there, perhaps still starting. */
export interface Postmaster {
  readonly pid: number;
  /** 0 while the file is still being written. */
  readonly port: number;
}

/**
 * The server that holds this cluster, or undefined when there is none. A file left behind by a killed server whose
 * process number now belongs to some other program (usual after a container restart) is moved away: PostgreSQL
 * itself only asks whether a process of that number exists, and would refuse to start for ever.
 */
export async function findPostmaster(files: ServerFiles): Promise<Postmaster | undefined> {
  const text = await readFile(files.pid, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0 || !processExists(pid)) return undefined;
  if (!(await isPostmasterOf(pid, files))) {
    await moveAwayStaleFile(files, text);
    return undefined;
  }
  const port = Number(lines[3] ?? 0);
  return { pid, port: Number.isInteger(port) ? port : 0 };
}

/** In doubt yes: a wrong yes ends in a clear error, a wrong no would start a second server on the same files. */
async function isPostmasterOf(pid: number, files: ServerFiles): Promise<boolean> {
  const command = await commandLine(pid);
  if (command === undefined) return true;
  const program = path.basename(command[0] ?? '');
  if (program !== 'postgres') return false;
  const dataDirectory = command[command.indexOf('-D') + 1];
  if (dataDirectory === undefined || !path.isAbsolute(dataDirectory)) return true;
  const [named, own] = await Promise.all([stat(dataDirectory).catch(() => undefined), stat(files.cluster)]);
  return named === undefined || (named.dev === own.dev && named.ino === own.ino);
}

/** Undefined where it cannot be learnt. */
async function commandLine(pid: number): Promise<string[] | undefined> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
    // Empty for a killed server whose parent never asked after it: as good as gone.
    return text?.split('\0');
  }
  if (process.platform === 'win32') return undefined;
  const listed = await execFileAsync('ps', ['-o', 'comm=', '-p', String(pid)]).catch(() => undefined);
  return listed === undefined ? undefined : [listed.stdout.trim()];
}

/** If a server that started this moment wrote the file anew, it gets its file back. */
async function moveAwayStaleFile(files: ServerFiles, judged: string): Promise<void> {
  const aside = `${files.pid}.stale-${process.pid}`;
  try {
    await rename(files.pid, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== judged) await link(aside, files.pid).catch(() => undefined);
  await rm(aside, { force: true });
}

export type StartOutcome = { outcome: 'started' } | { outcome: 'failed'; said: string };

/** Starts the server and waits until it answers. It runs in a session of its own: Ctrl-C here does not reach it. */
export async function startPostmaster(
  files: ServerFiles,
  binaries: PostgresBinaries,
  user: ServerUser,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<StartOutcome> {
  const logStart = (await stat(files.log).catch(() => ({ size: 0 }))).size;
  const all = {
    // Without it the log names the values that a unique key refused, such as e-mail addresses, and keeps them when
    // their owners are erased.
    log_error_verbosity: 'terse',
    ...settings,
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
  };
  const options = Object.entries(all).map(([name, value]) => `-c ${quoteForShell(`${name}=${value}`)}`);
  const timeout = String(START_SECONDS);
  const args = ['start', '-w', '-t', timeout, '-D', files.cluster, '-l', files.log, '-o', options.join(' ')];
  try {
    await user.run(binaries.program('pg_ctl'), args, files.directory);
    return { outcome: 'started' };
  } catch {
    return { outcome: 'failed', said: await textFrom(files.log, logStart) };
  }
}

/**
 * Fast: open transactions are rolled back, data is written, nothing needs recovery afterwards. Waits for the server
 * found at the beginning; pg_ctl's own waiting would go on when another process starts a new one right behind it.
 */
export async function stopPostmaster(
  files: ServerFiles,
  binaries: PostgresBinaries,
  user: ServerUser,
): Promise<void> {
  const stopping = await findPostmaster(files);
  if (stopping === undefined) return;
  const deadline = performance.now() + STOP_SECONDS * 1000;
  const args = ['stop', '-W', '-m', 'fast', '-D', files.cluster];
  await user.run(binaries.program('pg_ctl'), args, files.directory).catch(() => undefined);
  while ((await findPostmaster(files))?.pid === stopping.pid) {
    if (performance.now() >= deadline) {
      throw new EmbeddedPostgresError(
        'stop_failed',
        `The embedded PostgreSQL did not stop within ${STOP_SECONDS} seconds; ${files.log} says why. The data is ` +
          'safe: the next start joins or recovers it.',
      );
    }
    await sleep(20);
  }
}

const address = z.object({ port: z.number() });

/** A port of 127.0.0.1 nobody listens on; another program may still take it before it is used. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0, exclusive: true }, () => {
      const { port } = address.parse(server.address());
      server.close(() => resolve(port));
    });
  });
}

/** pg_ctl hands the options through a shell. */
function quoteForShell(text: string): string {
  return process.platform === 'win32' ? `"${text}"` : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

async function textFrom(file: string, position: number): Promise<string> {
  const handle = await open(file, 'r').catch(() => undefined);
  if (handle === undefined) return '';
  try {
    const { size } = await handle.stat();
    const start = Math.max(position, size - 20_000);
    const { buffer, bytesRead } = await handle.read(
      Buffer.alloc(Math.max(0, size - start)),
      0,
      size - start,
      start,
    );
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
