import type { Command } from 'commander';
import { loadSettings } from '../kernel/config/index.js';
import type { Say } from './say.js';
import { withDatabase } from './with-database.js';

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
    });
}
