import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';

const execFileAsync = promisify(execFile);

/** nobody, on Linux and macOS alike by number; PostgreSQL refuses to run as uid 0. */
const NOBODY: Owner = { uid: 65534, gid: 65534 };
const TRAVERSE_CAPABILITIES = ['dac_read_search', 'dac_override'] as const;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** As whom the PostgreSQL programs run and who owns its files. */
export interface ServerUser {
  /** Undefined: files stay with the user running this process. */
  readonly owner: Owner | undefined;
  /** Runs one of the PostgreSQL programs to its end; rejects with `stdout` and `stderr` when it fails. */
  run(file: string, args: readonly string[], cwd: string): Promise<{ stdout: string; stderr: string }>;
}

/**
 * An ordinary user runs the server as itself. Root cannot: it hands the server to the owner of the directory (so
 * that `sudo` once does not lock the user out), or to nobody where that is root too. Where that user could not
 * reach the given places because a parent directory is closed to others (mktemp -d, root's home), setpriv gives
 * it the one capability to pass through; docs/adr/0001 says why.
 */
export async function chooseServerUser(directory: string, places: readonly string[]): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return { owner: undefined, run: runPlain(undefined) };
  const owner = await ownerOf(directory);
  const closed = await closedDirectory(places, owner);
  if (closed === undefined) return { owner, run: runPlain(owner) };
  return { owner, run: runThroughSetpriv(owner, await traverseCapability(closed)) };
}

function runPlain(owner: Owner | undefined): ServerUser['run'] {
  return (file, args, cwd) => execFileAsync(file, [...args], { ...owner, cwd, env: SERVER_ENVIRONMENT });
}

function runThroughSetpriv(owner: Owner, capability: string): ServerUser['run'] {
  const prefix = setprivArguments(owner, capability);
  return (file, args, cwd) =>
    execFileAsync('setpriv', [...prefix, file, ...args], { cwd, env: SERVER_ENVIRONMENT });
}

/**
 * no_setuid_fixup: PostgreSQL asks access(2) whether it may run its programs, and for a user other than root the
 * kernel answers that question without any capability unless this bit is set ("invalid binary: Permission denied").
 */
function setprivArguments(owner: Owner, capability: string): string[] {
  return [
    `--reuid=${owner.uid}`,
    `--regid=${owner.gid}`,
    '--clear-groups',
    `--inh-caps=+${capability}`,
    `--ambient-caps=+${capability}`,
    '--securebits=+no_setuid_fixup',
    '--',
  ];
}

/**
 * The servers get no variable of this process: PGOPTIONS, PGPORT or LC_ALL would change what they do, and secrets
 * of the application have no place there. Messages are English because some of them are recognised.
 */
const SERVER_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C',
  TZ: 'UTC',
};

async function ownerOf(directory: string): Promise<Owner> {
  const { uid, gid } = await stat(directory);
  return uid === 0 ? NOBODY : { uid, gid };
}

/** The first directory on the way to one of the places that `owner` may not pass; access lists are not read. */
async function closedDirectory(places: readonly string[], owner: Owner): Promise<string | undefined> {
  for (const place of places) {
    for (let directory = place; directory !== path.dirname(directory); directory = path.dirname(directory)) {
      const { mode, uid, gid } = await stat(directory);
      const needed = uid === owner.uid ? 0o100 : gid === owner.gid ? 0o010 : 0o001;
      if ((mode & needed) === 0) return directory;
    }
  }
  return undefined;
}

async function traverseCapability(closed: string): Promise<string> {
  const refuse = (reason: string, cause?: unknown): EmbeddedPostgresError =>
    new EmbeddedPostgresError(
      'not_reachable_as_root',
      `PostgreSQL does not run as root, and no other user may enter ${closed} (${reason}). Set STEWARD_DATA_DIR to a ` +
        'directory that others may enter and keep the program in such a place too, or start Steward as an ordinary ' +
        'user, or set DATABASE_URL.',
      { cause },
    );
  let state: string;
  try {
    ({ stdout: state } = await execFileAsync('setpriv', ['--dump'], { env: SERVER_ENVIRONMENT }));
  } catch (error) {
    throw refuse('the setpriv program that could let it through is not installed', error);
  }
  const line = state.split('\n').find((text) => text.startsWith('Capability bounding set:')) ?? '';
  const available = line.slice(line.indexOf(':') + 1).split(',');
  const trimmed = new Set(available.map((name) => name.trim()));
  const capability = TRAVERSE_CAPABILITIES.find((name) => trimmed.has(name));
  if (capability === undefined) throw refuse('this container lacks the capability to let it through');
  // Some containers take the right to hand capabilities on; better to learn it here than from initdb.
  const probe = [...setprivArguments(NOBODY, capability), 'true'];
  await execFileAsync('setpriv', probe, { cwd: '/', env: SERVER_ENVIRONMENT }).catch((error: unknown) => {
    throw refuse('setpriv was not allowed to let it through', error);
  });
  return capability;
}
