import path from 'node:path';
import { makeLargeFile, makeSmallFiles, sameAs } from './remotes-files.js';
import { Copies, phasesOf, type JobRun, type Phases } from './remotes-jobs.js';
import {
  backends,
  difference,
  inRounds,
  interleaved,
  inWorld,
  mean,
  spread,
  table,
  title,
  type World,
} from './remotes-world.js';
import type { BenchServices } from './services.js';

const SMALL_FILES = 20;
const WARM_UP = 3;
const MB = 1e6;

const times = (runs: readonly { readonly milliseconds: number }[]): number[] =>
  runs.map(({ milliseconds }) => milliseconds);
/** Processor time of one run in milliseconds. Counted in hundredths of a second, so that only many tell. */
const cpu = (values: readonly number[]): string => (mean(values) / 1000).toFixed(0);

/** What a job adds to what rclone takes by itself: a tree of 21 files, over and over. */
export async function overhead(services: BenchServices, rounds: number): Promise<void> {
  for (const backend of backends(services))
    await inWorld(services, { bytes: 20 * MB, redis: backend === 'Redis' }, (world) =>
      measure(world, backend, rounds),
    );
}

async function measure(world: World, backend: string, rounds: number): Promise<void> {
  const { place, steward } = world;
  await makeSmallFiles(place('from'), SMALL_FILES);
  await makeLargeFile(path.join(place('from'), 'deeper', 'one.bin'), 1);
  const how = { transfers: 4, checkers: 8 };
  const copies = await Copies.of(world, how, await sameAs(place('from'), true));
  await world.services.statements(1);
  const phases: Phases[] = [];
  const { plain, job } = await interleaved(
    rounds,
    {
      plain: () => copies.byRclone(),
      job: async (round): Promise<JobRun> => {
        const run = await copies.byJob();
        if (round >= WARM_UP) phases.push(await phasesOf(steward, run.job));
        return run;
      },
    },
    { warmUp: WARM_UP },
  );
  for (const line of await world.services.statements(rounds + WARM_UP)) process.stderr.write(`${line}\n`);
  title(`One copy of ${SMALL_FILES + 1} files, ${rounds} rounds, ${backend}`, world);
  table(
    ['', 'ms, median (quartiles)', 'processor time, ms: rclone and Node', 'PostgreSQL', 'Redis'],
    [
      ['`rclone copy`', spread(times(plain)), cpu(plain.map((run) => run.cpu)), '', ''],
      [
        'a job, from `POST` to the news of its end',
        spread(times(job)),
        cpu(job.map((run) => run.cpu)),
        cpu(job.map((run) => run.postgres)),
        cpu(job.map((run) => run.redis)),
      ],
      ['added', spread(inRounds(times(plain), times(job), difference)), '', '', ''],
    ],
  );
  const phase = (name: keyof Phases): string => spread(phases.map((one) => one[name]));
  table(
    ['of a job, ms', 'median (quartiles)'],
    [
      ['waiting for its attempt', phase('waiting')],
      ['rights, locks, rclone and a look at both ends', phase('preparing')],
      ['the transfer until its last line of log', phase('transferring')],
      ['until its end is in the row', phase('settling')],
    ],
  );
}
