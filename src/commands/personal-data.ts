import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { open, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { validate as isUuid } from 'uuid';
import { AppModule } from '../app.module.js';
import type { Actor } from '../kernel/auth/index.js';
import type { Settings } from '../kernel/config/index.js';
import { Database } from '../kernel/database/index.js';
import { migrationStatus } from '../kernel/database/migrate.js';
import { AppError } from '../kernel/http/index.js';
import { Log } from '../kernel/log/index.js';
import { ErasuresService, ExportsService, UsersService } from '../modules/users/index.js';
import { CommandError } from './failure.js';

const ACTOR: Actor = { type: 'system', name: 'command line' };

/** The id of who was erased. Throws `CommandError` when it cannot be done. */
export async function erasePerson(settings: Settings, databaseUrl: string, person: string): Promise<string> {
  return withSteward(settings, databaseUrl, async (app) => {
    const id = await idOf(app, person);
    await app.get(ErasuresService, { strict: false }).erase(ACTOR, id);
    return id;
  });
}

/** Leaves no file behind when it fails. Throws `CommandError` when it cannot be done. */
export async function exportPerson(
  settings: Settings,
  databaseUrl: string,
  person: string,
  out: string,
): Promise<void> {
  await withSteward(settings, databaseUrl, async (app) => {
    const id = await idOf(app, person);
    const file = await open(out, 'wx', 0o600).catch((error: unknown) => {
      throw unwritable(out, error);
    });
    try {
      const { archive } = await app.get(ExportsService, { strict: false }).open(ACTOR, id);
      await pipeline(archive, file.createWriteStream());
    } catch (error) {
      await file.close();
      await rm(out, { force: true });
      throw error;
    }
  });
}

/**
 * The whole application, because every module has a part in it; as a process that serves and works on nothing. What
 * is left to remove after an erasure is the matter of the processes that do.
 */
async function withSteward<T>(
  settings: Settings,
  databaseUrl: string,
  work: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  if ((await migrationStatus(databaseUrl)).some(({ applied }) => !applied))
    throw new CommandError('The database is not up to date; run "migrate up" first.');
  const log = Log.create({ level: 'error', format: settings.logFormat });
  const alone: Settings = Object.assign({}, settings, { role: 'api' as const });
  const app = await NestFactory.createApplicationContext(
    AppModule.forRoot({ settings: alone, databaseUrl, log }),
    { logger: log, abortOnError: false },
  );
  try {
    return await work(app);
  } catch (error) {
    if (error instanceof AppError) throw new CommandError(error.message);
    throw error;
  } finally {
    await app.close();
  }
}

async function idOf(app: INestApplicationContext, person: string): Promise<string> {
  const users = app.get(UsersService, { strict: false });
  const { read } = app.get(Database, { strict: false }).system('command line');
  const found = isUuid(person) ? await users.find(read, person) : await users.findByIdentifier(read, person);
  if (!found) throw new CommandError(`There is no account with the e-mail, username or id ${person}.`);
  return found.id;
}

function unwritable(out: string, error: unknown): unknown {
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === 'EEXIST') return new CommandError(`${out} exists already.`);
  return typeof code === 'string' ? new CommandError(`${out} cannot be written: ${code}.`) : error;
}
