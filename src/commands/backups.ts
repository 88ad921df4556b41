import type { Command } from 'commander';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { loadSettings } from '../kernel/config/index.js';
import { headOfDump, NotADumpError, restoreDump } from '../kernel/database/dump/restore.js';
import { otherProcesses, usersIn } from '../kernel/database/dump/target.js';
import { migrate, migrateDown, migrationNames, migrationStatus } from '../kernel/database/migrate.js';
import type { DatabaseBackups } from '../modules/database-backups/index.js';
import { CommandError } from './failure.js';
import type { Say } from './say.js';
import { withDatabase } from './with-database.js';
import { withService } from './with-service.js';

export function addBackups(program: Command, say: Say): void {
  const command = program.command('backups').description('backups of the whole database');

  command
    .command('list')
    .description('every backup in the store, the newest first')
    .action(async () => {
      await withBackups(async (backups) => {
        const all = await backups.list();
        if (all.length === 0) say('There is no backup.');
        for (const { key, madeAt, bytes } of all) say(`${madeAt.toISOString()}  ${bytes} bytes  ${key}`);
      });
    });

  command
    .command('make')
    .description('writes a backup into the store now')
    .action(async () => {
      await withBackups(async (backups) => {
        const { key, rows, bytes } = await backups.make(new AbortController().signal, () => undefined);
        say(`${key}  ${rows} rows  ${bytes} bytes`);
      });
    });

  command
    .command('show')
    .description('the dump in a backup, as SQL on standard output')
    .argument('<key>', 'key of the backup, from the list')
    .action(async (key: string) => {
      await withBackups(async (backups) => {
        for await (const chunk of await backups.read(key))
          if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
      });
    });

  command
    .command('restore')
    .description('puts the rows of a backup in place of all the database has; every process must be stopped')
    .argument('<file>', 'a backup, packed by gzip')
    .option('--replace', 'although the database has users')
    .action(async (file: string, { replace = false }: { replace?: boolean }) => {
      await withDatabase(loadSettings(), ({ ownerUrl }) => restore(ownerUrl, file, replace, say));
    });
}

async function restore(ownerUrl: string, file: string, replace: boolean, say: Say): Promise<void> {
  const unpacked = (): AsyncIterable<Uint8Array> =>
    pipeline(createReadStream(file), createGunzip(), () => undefined);
  try {
    const { schema, at } = await headOfDump(unpacked());
    if (!(await migrationNames()).includes(schema))
      throw new CommandError(
        `The backup is of a newer Steward: this one does not know the schema ${schema}.`,
      );
    const others = await otherProcesses(ownerUrl);
    if (others > 0)
      throw new CommandError(`Stop Steward first: ${others} of its connections use this database.`);
    const users = await usersIn(ownerUrl);
    if (users > 0 && !replace)
      throw new CommandError(`The database has ${users} users. With --replace, all it has is replaced.`);
    await bringTo(ownerUrl, schema);
    const { rows } = await restoreDump(ownerUrl, unpacked());
    const applied = await migrate(ownerUrl);
    say(`Restored ${rows} rows as they were at ${at}.`);
    if (applied.length > 0) say(`Brought up to date by ${applied.length} migrations.`);
  } catch (error) {
    if (error instanceof NotADumpError || isBadFile(error))
      throw new CommandError(`${file}: ${error.message}`);
    throw error;
  }
}

/** The tables as they were when the dump was made, up or down. */
async function bringTo(ownerUrl: string, schema: string): Promise<void> {
  const applied = (await migrationStatus(ownerUrl)).filter((one) => one.applied).map(({ name }) => name);
  const place = applied.indexOf(schema);
  if (place < 0) await migrate(ownerUrl, schema);
  else if (place < applied.length - 1) await migrateDown(ownerUrl, applied.length - 1 - place);
}

/** It is not there, may not be read, or is not packed by gzip. */
function isBadFile(error: unknown): error is Error {
  const { code } = (error ?? {}) as { code?: unknown };
  return error instanceof Error && typeof code === 'string' && /^(ENOENT|EACCES|EISDIR|Z_)/.test(code);
}

const withBackups = <T>(work: (backups: DatabaseBackups) => Promise<T>): Promise<T> =>
  withService(async () => (await import('../modules/database-backups/index.js')).DatabaseBackups, work);
