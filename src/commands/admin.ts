import type { Command } from 'commander';
import { loadSettings } from '../kernel/config/index.js';
import { CommandError } from './failure.js';
import type { Say } from './say.js';
import { withDatabase } from './with-database.js';

interface ResetFactors {
  readonly unreadable?: true;
  readonly yes?: boolean;
}

export function addAdmin(program: Command, say: Say): void {
  const command = program.command('admin').description('help with accounts');

  command
    .command('reset-password')
    .description('give an account a new one-time password, print it once and end its sessions')
    .argument('<email>', 'e-mail or username of the account')
    .action(async (email: string) => {
      const settings = loadSettings();
      // Loads the application: commands that do not need it start at once.
      const { resetPassword } = await import('./reset-password.js');
      const done = await withDatabase(settings, (url) => resetPassword(settings, url, email));
      say(`New password of ${done.email}: ${done.oneTimePassword}   (shown this once)`);
      say(`Ended sessions: ${done.endedSessions}`);
      if (!done.isActive) say('The account is not active: nobody can log in until an admin activates it.');
      if (done.hasFactor)
        say(`A code of the second factor is still asked for. Lost? admin reset-factors ${done.email}`);
    });

  command
    .command('reset-factors')
    .description(
      'remove the lost second factor of an account, or all that cannot be read, and end the sessions',
    )
    .argument('[email]', 'e-mail or username of the account')
    .option('--unreadable', 'of every account whose factor the present STEWARD_SECRET does not open')
    .option('--yes', 'with --unreadable: remove them instead of counting them')
    .action(async (email: string | undefined, { unreadable, yes = false }: ResetFactors) => {
      if ((email === undefined) === (unreadable === undefined) || (yes && !unreadable))
        throw new CommandError(
          'Say whose: an e-mail or username, or --unreadable (and then --yes to do it).',
        );
      const settings = loadSettings();
      const { resetFactors, resetUnreadableFactors } = await import('./reset-factors.js');
      if (email === undefined) {
        const found = await withDatabase(settings, (url) => resetUnreadableFactors(settings, url, yes));
        // With a secret given by mistake none can be opened, and all would be gone.
        say(
          `${found.unreadable} of ${found.people} second factors cannot be opened with this STEWARD_SECRET.`,
        );
        say(yes ? 'They are removed.' : 'Nothing is changed. To remove them, add --yes.');
        return;
      }
      const done = await withDatabase(settings, (url) => resetFactors(settings, url, email));
      say(
        done.removed
          ? `The second factor of ${done.email} is removed and the sessions have ended.`
          : `${done.email} has no second factor.`,
      );
    });
}
