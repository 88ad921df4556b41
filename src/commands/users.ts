import { InvalidArgumentError, type Command } from 'commander';
import { loadSettings } from '../kernel/config/index.js';
import type { Say } from './say.js';
import { withDatabase } from './with-database.js';

export function addUsers(program: Command, say: Say): void {
  const command = program.command('users').description('what people may ask of whoever runs the server');
  const whom = 'e-mail, username or id of the person';

  command
    .command('export')
    .description('write everything about a person into a zip archive that only you may read')
    .argument('<person>', whom)
    .requiredOption('--out <file>', 'the archive to make; it must not exist yet', fileName)
    .action(async (person: string, { out }: { out: string }) => {
      const settings = loadSettings();
      const { exportPerson } = await import('./personal-data.js');
      await withDatabase(settings, (url) => exportPerson(settings, url, person, out));
      say(`wrote ${out}`);
    });

  command
    .command('erase')
    .description('erase a person: everything of theirs is removed, for good')
    .argument('<person>', whom)
    .requiredOption('--yes', 'needed, because nothing brings it back')
    .action(async (person: string) => {
      const settings = loadSettings();
      const { erasePerson } = await import('./personal-data.js');
      const id = await withDatabase(settings, (url) => erasePerson(settings, url, person));
      say(`Erased. The audit trail keeps the id ${id}; jobs that still run are stopped and then removed.`);
    });
}

function fileName(text: string): string {
  if (text === '' || text.endsWith('/')) throw new InvalidArgumentError('It must be the name of a file.');
  return text;
}
