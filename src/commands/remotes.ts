import type { Command } from 'commander';
import { CommandError } from './failure.js';
import type { Say } from './say.js';
import { withService } from './with-service.js';

export function addRemotes(program: Command, say: Say): void {
  program
    .command('remotes')
    .description('looks after configured remotes')
    .command('reseal')
    .description('seal the credentials of all remotes anew, after STEWARD_REMOTES_KEY was changed')
    .action(async () => {
      const { resealed, current, unreadable } = await withService(
        async () => (await import('../modules/remotes/index.js')).Reseal,
        (reseal) => reseal.run(),
      );
      say(`Sealed anew: ${resealed}. Already under the key of now: ${current}.`);
      if (unreadable.length > 0)
        throw new CommandError(
          `${unreadable.length} could not be opened with any key that is set, and are as they were: ${unreadable.join(', ')}. Give the former key as STEWARD_REMOTES_PREVIOUS_KEY, or enter their credentials again.`,
        );
    });
}
