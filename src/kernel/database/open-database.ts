import { Client } from 'pg';
import { EmbeddedPostgresError } from './embedded/embedded-postgres.js';
import { superviseEmbeddedPostgres } from './embedded/supervised-postgres.js';

export interface OpenDatabase {
  /** For the user the operator has set up, or the owner of the embedded database. */
  readonly url: string;
  /** For the owner of the tables: for migrations and grants. Often the same. */
  readonly ownerUrl: string;
  /** For people: which database it is, without a password. */
  readonly description: string;
  /** The last process that uses the embedded server stops it. */
  close(): Promise<void>;
}

/** The database cannot be used; the message says what to do. */
export class DatabaseUnusableError extends Error {
  constructor(
    message: string,
    /** It does not answer, and may do so in a moment; anything else has to be mended by somebody. */
    readonly away = false,
  ) {
    super(message);
  }
}

const OLDEST_VERSION = 15;

/** Where the database is, as the settings have it. */
export interface DatabaseAddress {
  readonly databaseUrl?: string | undefined;
  readonly databaseMigrationUrl?: string | undefined;
}

/** Connects to the configured PostgreSQL, or starts (or joins) the embedded one under `directory`. */
export async function openDatabase(
  { databaseUrl: url, databaseMigrationUrl }: DatabaseAddress,
  directory: string,
  onProgress: (message: string) => void,
): Promise<OpenDatabase> {
  if (url !== undefined) {
    await assertUsable('DATABASE_URL', url);
    if (databaseMigrationUrl !== undefined)
      await assertUsable('DATABASE_MIGRATION_URL', databaseMigrationUrl);
    return {
      url,
      ownerUrl: databaseMigrationUrl ?? url,
      description: `PostgreSQL at ${addressOf(url)}`,
      close: async () => undefined,
    };
  }
  try {
    const server = await superviseEmbeddedPostgres({ directory, onProgress });
    const verb = server.adopted ? 'joined' : 'started';
    return {
      url: server.url,
      ownerUrl: server.url,
      description: `embedded PostgreSQL (${verb}, port ${server.port}, data in ${directory})`,
      close: () => server.release(),
    };
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw new DatabaseUnusableError(error.message);
    throw error;
  }
}

async function assertUsable(setting: string, url: string): Promise<void> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: 10_000,
    application_name: 'steward start',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: number; encoding: string }>(
      `select current_setting('server_version_num')::integer / 10000 as version, current_setting('server_encoding') as encoding`,
    );
    const { version = 0, encoding = '' } = rows[0] ?? {};
    if (version < OLDEST_VERSION)
      throw new DatabaseUnusableError(
        `The database server is PostgreSQL ${version}; Steward needs ${OLDEST_VERSION} or newer.`,
      );
    if (encoding !== 'UTF8')
      throw new DatabaseUnusableError(
        `The database has the encoding ${encoding}; create it with encoding UTF8.`,
      );
  } catch (error) {
    throw error instanceof DatabaseUnusableError ? error : unusable(setting, url, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function unusable(setting: string, url: string, error: unknown): DatabaseUnusableError {
  const { code, message } = error as { code?: string; message?: string };
  const where = `${setting}: the database at ${addressOf(url)}`;
  if (code === '28P01' || code === '28000')
    return new DatabaseUnusableError(`${where} refuses the user or the password.`);
  if (code === '3D000') return new DatabaseUnusableError(`${where} does not exist; create it first.`);
  // Several addresses of one name are tried; then the single reasons hide in an AggregateError without a message.
  const reason = [code, message].filter(Boolean).join(' ');
  return new DatabaseUnusableError(
    `${where} cannot be reached (${reason}). Is it running, and is the address right?`,
    true,
  );
}

function addressOf(url: string): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || '5432'}${pathname}`;
}
