import type { Command } from 'commander';
import { loadSettings } from '../kernel/config/index.js';
import { CommandError } from './failure.js';
import type { Say } from './say.js';
import { withDatabase } from './with-database.js';

export function addRemotes(program: Command, say: Say): void {
  program
    .command('remotes')
    .description('looks after configured remotes')
    .command('reseal')
    .description('seal the credentials of all remotes anew, after STEWARD_REMOTES_KEY was changed')
    .action(async () => {
      const settings = loadSettings();
      const [{ withSteward }, { Reseal }] = await Promise.all([
        import('./with-steward.js'),
        import('../modules/remotes/index.js'),
      ]);
      const { resealed, current, unreadable } = await withDatabase(settings, (database) =>
        withSteward(settings, database, (app) => app.get(Reseal, { strict: false }).run()),
      );
      say(`Sealed anew: ${resealed}. Already under the key of now: ${current}.`);
      if (unreadable.length > 0)
        throw new CommandError(
          `${unreadable.length} could not be opened with any key that is set, and are as they were: ${unreadable.join(', ')}. Give the former key as STEWARD_REMOTES_PREVIOUS_KEY, or enter their credentials again.`,
        );
    });
}
