import 'reflect-metadata';
import { Command } from 'commander';
import { addAdmin } from './commands/admin.js';
import { addArchives } from './commands/archives.js';
import { addBackups } from './commands/backups.js';
import { explainFailure } from './commands/failure.js';
import { addMigrate } from './commands/migrate.js';
import { addPasswords } from './commands/passwords.js';
import { addRemotes } from './commands/remotes.js';
import { addSettings } from './commands/settings.js';
import { addUsers } from './commands/users.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** The command line. Every failure ends with status 1 and says what to do on standard error. */
const program = new Command('steward')
  .description('Looks after a Steward installation. It reads the same settings as the server.')
  .showHelpAfterError('(--help shows what there is)');
addMigrate(program, say);
addSettings(program, say);
addAdmin(program, say);
addPasswords(program, say);
addUsers(program, say);
addArchives(program, say);
addBackups(program, say);
addRemotes(program, say);

program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${explainFailure(error)}\n`);
  process.exitCode = 1;
});
