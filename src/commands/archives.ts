import type { Command } from 'commander';
import { once } from 'node:events';
import type { ArchivesService } from '../modules/jobs/index.js';
import { CommandError } from './failure.js';
import type { Say } from './say.js';
import { withService } from './with-service.js';

export function addArchives(program: Command, say: Say): void {
  const command = program.command('archives').description('old jobs and log lines that were archived');

  command
    .command('list')
    .description('every archive with what is in it')
    .action(async () => {
      await withArchives(async (archives) => {
        const all = await archives.list();
        if (all.length === 0) say('There is no archive.');
        for (const { id, kind, period, part, rows, bytes, key } of all)
          say(`${id}  ${kind}  ${period} part ${part}  ${rows} rows  ${bytes} bytes  ${key}`);
      });
    });

  command
    .command('show')
    .description('the rows of an archive, one JSON document in each line')
    .argument('<id>', 'id of the archive, from the list')
    .action(async (id: string) => {
      await withArchives(async (archives) => {
        const archive = await find(archives, id);
        await archives.verify(archive);
        for await (const line of archives.lines(archive))
          if (!process.stdout.write(`${JSON.stringify(line)}\n`)) await once(process.stdout, 'drain');
      });
    });

  command
    .command('verify')
    .description('reads every archive and says which are not whole any more')
    .action(async () => {
      await withArchives(async (archives) => {
        let broken = 0;
        for (const archive of await archives.list())
          try {
            await archives.verify(archive);
            say(`${archive.id}  whole`);
          } catch (error) {
            broken++;
            say(`${archive.id}  BROKEN: ${error instanceof Error ? error.message : String(error)}`);
          }
        if (broken > 0) throw new CommandError(`${broken} archives are broken.`);
      });
    });
}

async function find(archives: ArchivesService, id: string) {
  const archive = (await archives.list()).find((one) => one.id === id);
  if (!archive) throw new CommandError(`There is no archive ${id}; "archives list" shows what there is.`);
  return archive;
}

const withArchives = <T>(work: (archives: ArchivesService) => Promise<T>): Promise<T> =>
  withService(async () => (await import('../modules/jobs/index.js')).ArchivesService, work);
