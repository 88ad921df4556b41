import { InvalidArgumentError, type Command } from 'commander';
import { loadSettings } from '../kernel/config/index.js';
import { migrate, migrateDown, migrationStatus } from '../kernel/database/migrate.js';
import type { Say } from './say.js';
import { withDatabase } from './with-database.js';

export function addMigrate(program: Command, say: Say): void {
  const command = program.command('migrate').description('change the schema of the database');

  command
    .command('up')
    .description('apply every migration that is missing')
    .action(async () => {
      const applied = await withDatabase(loadSettings(), ({ ownerUrl }) => migrate(ownerUrl));
      say(applied.length === 0 ? 'The database is up to date.' : list('applied', applied));
    });

  command
    .command('down')
    .description('undo the last migrations, newest first; tables they made are dropped with their rows')
    .argument('[count]', 'how many', wholeNumber, 1)
    .action(async (count: number) => {
      const undone = await withDatabase(loadSettings(), ({ ownerUrl }) => migrateDown(ownerUrl, count));
      say(undone.length === 0 ? 'There is nothing to undo.' : list('undone', undone));
    });

  command
    .command('status')
    .description('list the migrations and whether they are applied')
    .action(async () => {
      const status = await withDatabase(loadSettings(), ({ ownerUrl }) => migrationStatus(ownerUrl));
      say(status.map(({ name, applied }) => `${applied ? 'applied' : 'missing'}  ${name}`).join('\n'));
    });
}

const list = (verb: string, names: readonly string[]): string =>
  names.map((name) => `${verb}  ${name}`).join('\n');

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 on.');
  return Number(text);
}
