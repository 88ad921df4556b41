import { readFile, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { envExample, settingsTable, withSettingsTable } from '../kernel/config/index.js';
import { CommandError } from './failure.js';
import type { Say } from './say.js';

interface Options {
  readonly example?: true;
  readonly table?: true;
  readonly write?: true;
}

export function addSettings(program: Command, say: Say): void {
  program
    .command('settings')
    .description('show every setting: as .env.example, or as the table of README.md')
    .option('--example', 'as the text of .env.example')
    .option('--table', 'as the table of README.md')
    .option(
      '--write',
      'write into .env.example and README.md in this folder instead (both unless one is named)',
    )
    .action(async ({ example, table, write }: Options) => {
      if (!example && !table && !write) throw new CommandError('Say --example, --table or --write.');
      const both = !example && !table;
      if (example || both) await (write ? writeExample(say) : say(envExample().trimEnd()));
      if (table || both) await (write ? writeTable(say) : say(settingsTable().trimEnd()));
    });
}

async function writeExample(say: Say): Promise<void> {
  await writeFile('.env.example', envExample());
  say('wrote .env.example');
}

async function writeTable(say: Say): Promise<void> {
  const readme = await readFile('README.md', 'utf8').catch(() => {
    throw new CommandError('There is no README.md in this folder.');
  });
  const changed = withSettingsTable(readme);
  if (changed === null)
    throw new CommandError(
      'README.md has no lines <!-- settings --> and <!-- /settings --> to write between.',
    );
  await writeFile('README.md', changed);
  say('wrote the settings into README.md');
}
