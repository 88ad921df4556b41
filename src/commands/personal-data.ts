import type { INestApplicationContext } from '@nestjs/common';
import { open, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { validate as isUuid } from 'uuid';
import type { Actor } from '../kernel/auth/index.js';
import type { Settings } from '../kernel/config/index.js';
import type { OpenDatabase } from '../kernel/database/open-database.js';
import { Database } from '../kernel/database/index.js';
import { ErasuresService, ExportsService, UsersService } from '../modules/users/index.js';
import { CommandError } from './failure.js';
import { withSteward } from './with-steward.js';

const ACTOR: Actor = { type: 'system', name: 'command line' };

/** The id of who was erased. Throws `CommandError` when it cannot be done. */
export async function erasePerson(
  settings: Settings,
  database: OpenDatabase,
  person: string,
): Promise<string> {
  return withSteward(settings, database, async (app) => {
    const id = await idOf(app, person);
    await app.get(ErasuresService, { strict: false }).erase(ACTOR, id);
    return id;
  });
}

/** Leaves no file behind when it fails. Throws `CommandError` when it cannot be done. */
export async function exportPerson(
  settings: Settings,
  database: OpenDatabase,
  person: string,
  out: string,
): Promise<void> {
  await withSteward(settings, database, async (app) => {
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
