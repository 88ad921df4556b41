import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinaries, type PostgresBinaries } from './binaries.js';
import {
  clusterExists,
  createCluster,
  createDirectory,
  limitLog,
  prepareDirectory,
  readPassword,
  removeAbandonedClusters,
  serverFiles,
  type ServerFiles,
} from './cluster.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { findPostmaster, freePort, startPostmaster, START_SECONDS, stopPostmaster } from './postmaster.js';
import { chooseServerUser, type ServerUser } from './server-user.js';
import { databaseUrl, ServerSession } from './session.js';

export { EmbeddedPostgresError } from './embedded-postgres-error.js';

export interface EmbeddedPostgresOptions {
  /** Absolute. Holds cluster/, password (0600) and postgres.log; made when missing. */
  directory: string;
  /** 0 or absent: a free one. Of no effect on a server that already runs. */
  port?: number;
  /** More settings of PostgreSQL, given at start; of no effect on a server that already runs. */
  settings?: Readonly<Record<string, string>>;
  onProgress?: (message: string) => void;
}

export interface EmbeddedPostgres {
  /** Connects as the owner of the database `steward`, which exists. Contains the password. */
  readonly url: string;
  readonly port: number;
  /** True: the server was already running, started by another process. */
  readonly adopted: boolean;
  /** Says "not in use by me any more": the last user stops the server, others leave it running. */
  release(): Promise<void>;
}

interface Place {
  readonly files: ServerFiles;
  readonly binaries: PostgresBinaries;
  readonly user: ServerUser;
  readonly options: EmbeddedPostgresOptions;
  readonly say: (message: string) => void;
}

const DEADLINE_MS = (START_SECONDS + 30) * 1000;
const START_ATTEMPTS = 5;

/**
 * Brings up the PostgreSQL that lives in `directory`, or joins the one that already runs there, and resolves when
 * it answers and the database exists. Any number of processes may call this at the same moment, after any kind of
 * kill: all end up on one server with the data that was committed. Gives up after two minutes.
 *
 * Throws EmbeddedPostgresError whose message says what to do. Never touches files of another major version.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  if (!path.isAbsolute(options.directory)) throw new TypeError('directory must be absolute');
  const binaries = await findBinaries();
  await createDirectory(options.directory);
  const files = serverFiles(await realpath(options.directory));
  const user = await chooseServerUser(files.directory, [path.dirname(files.directory), binaries.root]);
  await prepareDirectory(files.directory, user.owner);
  const place = { files, binaries, user, options, say: options.onProgress ?? (() => undefined) };
  await ensureCluster(place);
  const password = await readPassword(files);
  const { port, session, adopted } = await connectOrStart(place, password);
  await session.createDatabase();
  let released: Promise<void> | undefined;
  return {
    url: databaseUrl(port, password),
    port,
    adopted,
    release: () => (released ??= release(place, session)),
  };
}

async function ensureCluster({ files, binaries, user, options, say }: Place): Promise<void> {
  if (!(await clusterExists(files, binaries))) {
    say('Creating the database files');
    await createCluster(files, binaries, user, options.settings?.['fsync'] !== 'off');
  }
  await removeAbandonedClusters(files);
}

async function connectOrStart(
  place: Place,
  password: string,
): Promise<{ port: number; session: ServerSession; adopted: boolean }> {
  const { files, say } = place;
  const deadline = performance.now() + DEADLINE_MS;
  let starts = 0;
  let startedByUs = false;
  let waiting = false;
  while (performance.now() < deadline) {
    const running = await findPostmaster(files);
    if (running === undefined) {
      starts += 1;
      startedByUs = await start(place, starts);
      continue;
    }
    if (running.port !== 0) {
      const joined = await ServerSession.join(running.port, password);
      if (joined.outcome === 'joined') {
        return { port: running.port, session: joined.session, adopted: !startedByUs };
      }
      if (joined.outcome === 'rejected') throw passwordRejected(files);
    }
    if (!waiting) say('Waiting for PostgreSQL, which another process is starting or stopping');
    waiting = true;
    await sleep(50);
  }
  throw new EmbeddedPostgresError(
    'start_timeout',
    `The embedded PostgreSQL in ${files.directory} did not answer within ${DEADLINE_MS / 1000} seconds. Look into ` +
      `${files.log}; if a server hangs there, stop it and start Steward again.`,
  );
}

/** True when this call started the server; false when another process seems to have been quicker. */
async function start({ files, binaries, user, options, say }: Place, attempt: number): Promise<boolean> {
  say('Starting PostgreSQL');
  await limitLog(files);
  const port = options.port === undefined || options.port === 0 ? await freePort() : options.port;
  const result = await startPostmaster(files, binaries, user, port, options.settings ?? {});
  if (result.outcome === 'started') return true;
  if ((await findPostmaster(files)) !== undefined) return false;
  const portTaken = /could not bind|Address already in use/.test(result.said);
  if (portTaken && options.port === port) {
    throw new EmbeddedPostgresError(
      'port_in_use',
      `Port ${port} for the embedded PostgreSQL is used by another program. Choose another port, or none to let ` +
        'Steward find a free one.',
    );
  }
  // What passes by itself: a taken port, another starter, the last processes of a killed server.
  const passing = portTaken || /lock file|shared memory block/.test(result.said) || result.said === '';
  if (passing && attempt < START_ATTEMPTS) {
    await sleep(200 * attempt);
    return false;
  }
  const lines = result.said.trim().split('\n').slice(-4).join(' / ');
  throw new EmbeddedPostgresError(
    'start_failed',
    `The embedded PostgreSQL in ${files.directory} did not start: ${lines || 'it said nothing'}. The whole log is in ` +
      `${files.log}.`,
  );
}

async function release({ files, binaries, user }: Place, session: ServerSession): Promise<void> {
  try {
    if (await session.leave()) await stopPostmaster(files, binaries, user);
  } finally {
    await session.close();
  }
}

function passwordRejected(files: ServerFiles): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'password_rejected',
    `The embedded PostgreSQL refuses the password in ${files.password}. Put back the file that belongs to this ` +
      'database, for example from a backup.',
  );
}
