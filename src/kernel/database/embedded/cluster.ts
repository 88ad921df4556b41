import { randomBytes } from 'node:crypto';
import { chmod, chown, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { EmbeddedPostgresError, errorCode } from './embedded-postgres-error.js';
import type { PostgresBinaries } from './binaries.js';
import type { Owner, ServerUser } from './server-user.js';

/** The superuser initdb makes, owner of the application's database. */
export const ROLE = 'steward';

const NEW_CLUSTER = /^cluster\.new-(\d+)-[0-9a-f]+$/;

/** Where the parts of one embedded server lie. */
export interface ServerFiles {
  readonly directory: string;
  readonly cluster: string;
  readonly password: string;
  readonly log: string;
  readonly pid: string;
}

export function serverFiles(directory: string): ServerFiles {
  const cluster = path.join(directory, 'cluster');
  return {
    directory,
    cluster,
    password: path.join(directory, 'password'),
    log: path.join(directory, 'postgres.log'),
    pid: path.join(cluster, 'postmaster.pid'),
  };
}

/** Gives the directory to the user the server runs as, who writes the log and the cluster there. */
export async function prepareDirectory(directory: string, owner: Owner | undefined): Promise<void> {
  try {
    if (owner !== undefined) await chown(directory, owner.uid, owner.gid);
    await chmod(directory, 0o700);
  } catch (error) {
    throw new EmbeddedPostgresError(
      'directory_unusable',
      `${directory} belongs to another user (${String(error)}). Start Steward as that user, give the directory to ` +
        'yourself with chown -R, or set STEWARD_DATA_DIR to another place.',
      { cause: error },
    );
  }
}

/** Does a complete cluster lie there? Refuses one that another major version of PostgreSQL wrote. */
export async function clusterExists(files: ServerFiles, binaries: PostgresBinaries): Promise<boolean> {
  let version: string;
  try {
    version = (await readFile(path.join(files.cluster, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw new EmbeddedPostgresError(
      'directory_unusable',
      `The database files in ${files.cluster} cannot be read (${String(error)}). They belong to the user who first ` +
        'started Steward here: start it as that user, or set STEWARD_DATA_DIR to another place.',
      { cause: error },
    );
  }
  if (version === binaries.majorVersion) return true;
  throw new EmbeddedPostgresError(
    'version_mismatch',
    `The database files in ${files.cluster} were written by PostgreSQL ${version}, but this Steward brings PostgreSQL ` +
      `${binaries.majorVersion}, which cannot read them. Nothing was changed. Start the Steward version that wrote ` +
      'them to export the data, serve them with a PostgreSQL of that version and set DATABASE_URL, or set ' +
      'STEWARD_DATA_DIR to an empty place to start afresh.',
  );
}

/**
 * Creates the cluster unless another process was quicker. initdb works in a folder of its own that is renamed when
 * complete, so that a kill at any moment leaves either no cluster or a whole one, and two starters need no lock:
 * the rename of the slower one fails and its folder is thrown away. Both used the same password file.
 */
export async function createCluster(
  files: ServerFiles,
  binaries: PostgresBinaries,
  user: ServerUser,
  durable: boolean,
): Promise<void> {
  await createPassword(files, user.owner);
  const folder = `${files.cluster}.new-${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    await user.run(binaries.program('initdb'), initdbArguments(folder, files, durable), files.directory);
    await rename(folder, files.cluster);
    if (durable) await syncDirectory(files.directory);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    if (await clusterExists(files, binaries)) return;
    throw new EmbeddedPostgresError(
      'init_failed',
      `PostgreSQL could not create its files in ${files.directory}: ${programOutput(error)} Make sure that there is ` +
        'space and that the place may be written, or set STEWARD_DATA_DIR or DATABASE_URL.',
      { cause: error },
    );
  }
}

/**
 * pg_trgm takes the meaning of "letter" from LC_CTYPE of the C library, not from the locale provider: with
 * --lc-ctype=C a Thai, Persian, Korean or Russian word has no trigrams and search finds nothing.
 */
function initdbArguments(folder: string, files: ServerFiles, durable: boolean): string[] {
  return [
    `--pgdata=${folder}`,
    `--username=${ROLE}`,
    `--pwfile=${files.password}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=PG_UNICODE_FAST',
    // Older releases of macOS have no C.UTF-8.
    `--lc-ctype=${process.platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8'}`,
    '--lc-collate=C',
    '--lc-messages=C',
    ...(durable ? [] : ['--no-sync']),
  ];
}

/** Written whole under another name and linked: the first of several starters decides, none sees half of it. */
async function createPassword(files: ServerFiles, owner: Owner | undefined): Promise<void> {
  const temporary = `${files.password}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(24).toString('base64url')}\n`);
    if (owner !== undefined) await file.chown(owner.uid, owner.gid); // initdb reads it
    await file.sync();
    await link(temporary, files.password).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error;
    });
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
}

export async function readPassword(files: ServerFiles): Promise<string> {
  try {
    return (await readFile(files.password, 'utf8')).trim();
  } catch (error) {
    throw new EmbeddedPostgresError(
      'password_missing',
      `The password of the embedded database cannot be read from ${files.password} (${String(error)}). Put the file ` +
        'back from a backup, and start Steward as the user who owns it.',
      { cause: error },
    );
  }
}

/** Throws away what a starter that was killed during initdb left behind; a living one is not disturbed. */
export async function removeAbandonedClusters(files: ServerFiles): Promise<void> {
  for (const name of await readdir(files.directory)) {
    const pid = NEW_CLUSTER.exec(name)?.[1];
    if (pid === undefined || processExists(Number(pid))) continue;
    await rm(path.join(files.directory, name), { recursive: true, force: true });
  }
}

/** Also true for a process of another user. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/** Each start appends to the log; one older part is kept. Only called by whoever is about to start the server. */
export async function limitLog(files: ServerFiles): Promise<void> {
  const { size } = await stat(files.log).catch(() => ({ size: 0 }));
  if (size > 10 * 1024 * 1024) await rename(files.log, `${files.log}.1`).catch(() => undefined);
}

export async function createDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true }).catch((error: unknown) => {
    throw new EmbeddedPostgresError(
      'directory_unusable',
      `The directory ${directory} for the database cannot be made (${String(error)}). Set STEWARD_DATA_DIR to a place ` +
        'that may be written, or set DATABASE_URL.',
      { cause: error },
    );
  });
}

/** The last lines a PostgreSQL program said, on one line. */
export function programOutput(error: unknown): string {
  const said = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr) : '';
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0 ? `${String(error)}.` : `${lines.slice(-3).join(' / ')}.`;
}

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return; // directories cannot be opened there
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
