import path from 'node:path';
import { whole } from './jobs-common.js';
import { makeLargeFile, makeSmallFiles, sameAs } from './remotes-files.js';
import { Copies } from './remotes-jobs.js';
import type { Run } from './remotes-plain.js';
import {
  inRounds,
  interleaved,
  inWorld,
  mean,
  ratio,
  spread,
  table,
  title,
  type World,
} from './remotes-world.js';
import type { BenchServices } from './services.js';

const MB = 1e6;
const MiB = 1024 * 1024;
const HOW = { transfers: 4, checkers: 8 };

/** Many small files: what counts is how long each of them takes. */
export async function small(services: BenchServices, files: number, rounds: number): Promise<void> {
  await inWorld(services, { bytes: 3 * files * 9_000 + 20 * MB }, async (world) => {
    const { place } = world;
    const bytes = await makeSmallFiles(place('from'), files);
    const copies = await Copies.of(world, HOW, await sameAs(place('from'), true));
    const { plain, checkFirst, job } = await interleaved(rounds, {
      plain: () => copies.byRclone(),
      checkFirst: () => copies.byRclone('--check-first'),
      job: () => copies.byJob(),
    });
    report(world, `${whole(files)} files of together ${whole(bytes / MB)} MB`, plain, [
      ['`rclone copy --check-first`', checkFirst],
      ['a job, from `POST` to the news of its end', job],
    ]);
  });
}

/** One large file: what counts is the bytes per second. */
export async function large(services: BenchServices, mebibytes: number, rounds: number): Promise<void> {
  await inWorld(services, { bytes: 2 * mebibytes * MiB }, async (world) => {
    const { place } = world;
    await makeLargeFile(path.join(place('from'), 'large.bin'), mebibytes);
    const check = await sameAs(place('from'), true);
    let looks = 0;
    // Reading all of it takes longer than copying it: the first copy of each kind stands for the others.
    const copies = await Copies.of(world, HOW, (copy) => check(copy, looks++ < 2));
    const { plain, job } = await interleaved(rounds, {
      plain: () => copies.byRclone(),
      job: () => copies.byJob(),
    });
    report(world, `One file of ${whole(mebibytes)} MiB`, plain, [
      ['a job, from `POST` to the news of its end', job],
    ]);
  });
}

function report(
  world: World,
  what: string,
  plain: readonly Run[],
  others: readonly (readonly [name: string, runs: readonly Run[]])[],
): void {
  const times = (runs: readonly Run[]): number[] => runs.map(({ milliseconds }) => milliseconds);
  const cpu = (runs: readonly Run[]): string => spread(runs.map((run) => run.cpu / 1000));
  title(`${what}, ${plain.length} rounds`, world);
  table(
    ['', 'ms, median (quartiles)', 'against `rclone copy`', 'processor time, ms', 'against `rclone copy`'],
    [
      ['`rclone copy`', spread(times(plain)), '1.00', cpu(plain), '1.00'],
      ...others.map(([name, runs]) => [
        name,
        spread(times(runs)),
        spread(inRounds(times(plain), times(runs), ratio), 2),
        cpu(runs),
        (mean(runs.map((run) => run.cpu)) / mean(plain.map((run) => run.cpu))).toFixed(2),
      ]),
    ],
  );
}
