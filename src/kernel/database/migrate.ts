import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { runMigrations as runQueueMigrations } from '../queue/migrations.js';
import pg from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import { migrationOptions } from './data-source.js';

type MigrationClass = new () => MigrationInterface;

/** Advisory lock held while migrating, so that processes starting together do it once. */
const MIGRATION_LOCK = 7_410_001;

export interface MigrationStatus {
  readonly name: string;
  readonly applied: boolean;
}

/**
 * All migrations up to the head, or up to the named one, each in its own transaction, and the queue library's own
 * tables. Idempotent.
 */
export async function migrate(url: string, upTo?: string): Promise<string[]> {
  return withMigrations(
    url,
    async (dataSource) => {
      const applied = await dataSource.runMigrations({ transaction: 'each' });
      return applied.map((migration) => migration.name);
    },
    upTo,
  );
}

/** Undoes the last `count` migrations, newest first; returns the names that were undone. */
export async function migrateDown(url: string, count: number): Promise<string[]> {
  return withMigrations(url, async (dataSource) => {
    const undone: string[] = [];
    for (let i = 0; i < count; i++) {
      const last = (await statusOf(dataSource)).filter((one) => one.applied).at(-1);
      if (!last) break;
      await dataSource.undoLastMigration({ transaction: 'each' });
      undone.push(last.name);
    }
    return undone;
  });
}

/** Of this build, oldest first. */
export async function migrationNames(): Promise<string[]> {
  return (await migrationClasses()).map((migration) => new migration().name ?? '');
}

export async function migrationStatus(url: string): Promise<MigrationStatus[]> {
  return withMigrations(url, statusOf);
}

async function statusOf(dataSource: DataSource): Promise<MigrationStatus[]> {
  const exists: { table: string | null }[] = await dataSource.query(
    `select to_regclass('schema_migrations') as "table"`,
  );
  const rows: { name: string }[] = exists[0]?.table
    ? await dataSource.query('select name from schema_migrations')
    : [];
  const applied = new Set(rows.map((row) => row.name));
  return dataSource.migrations.map(({ name = '' }) => ({ name, applied: applied.has(name) }));
}

async function withMigrations<T>(
  url: string,
  work: (dataSource: DataSource) => Promise<T>,
  upTo?: string,
): Promise<T> {
  const all = await migrationClasses();
  const last = upTo === undefined ? all.length : all.findIndex((one) => new one().name === upTo) + 1;
  const dataSource = new DataSource({
    ...migrationOptions(url),
    migrations: all.slice(0, last),
    migrationsTableName: 'schema_migrations',
  });
  const lock = new pg.Client({ connectionString: url, application_name: 'steward migrations' });
  await lock.connect();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await runQueueMigrations(lock);
    await dataSource.initialize();
    return await work(dataSource);
  } finally {
    if (dataSource.isInitialized) await dataSource.destroy();
    await lock.end();
  }
}

/** The classes of `migrations/`, in order of their file names. */
async function migrationClasses(): Promise<MigrationClass[]> {
  const folder = path.resolve(import.meta.dirname, '../../../migrations');
  const files = (await readdir(folder))
    .filter((file) => /^\d{14}-[a-z0-9-]+\.(js|ts)$/.test(file))
    .toSorted();
  const modules = await Promise.all(
    files.map(
      (file) =>
        import(pathToFileURL(path.join(folder, file)).href) as Promise<Record<string, MigrationClass>>,
    ),
  );
  return modules.flatMap((module) => Object.values(module));
}
