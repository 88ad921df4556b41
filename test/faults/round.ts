import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../harness/until.js';
import type { Fault } from './faults.js';
import { Load } from './load.js';
import { Random } from './random.js';
import type { Stage } from './stage.js';
import type { Verdict } from './verdicts.js';

/** Longest time for everything to be well again after a fault; what has not ended by then counts as lost. */
const HEALING_MS = 180_000;

export interface RoundResult extends Verdict {
  readonly fault: Fault;
  readonly jobs: number;
  /** From the end of the fault until every job has ended and a new one was done. */
  readonly seconds: number;
}

/** Load, the fault in the middle of it, then the wait for the last job and the look at what came of them all. */
export async function playRound(
  { cluster, verdicts }: Stage,
  fault: Fault,
  { round, seed, perSecond }: { round: number; seed: number; perSecond: number },
): Promise<RoundResult> {
  const random = new Random(seed + round * 7_919);
  const load = new Load(cluster.api, round, random, perSecond);
  const endsBefore = cluster.servers.reduce((sum, server) => sum + server.unexpectedEnds, 0);
  load.start();
  await sleep(1_000);
  await fault.strike({ cluster, load, random });
  const over = performance.now();
  await sleep(500);
  await load.finish(HEALING_MS);
  await load.one('quick', 0);
  await until(async () => (await verdicts.open(load.asked)) === 0, {
    timeoutMs: HEALING_MS,
    describe: 'all jobs to end',
  }).catch(() => undefined); // those that did not are findings
  const seconds = (performance.now() - over) / 1000;
  // The next round begins with every process there.
  await Promise.all(cluster.servers.map((server) => server.running()));
  const verdict = await verdicts.judge(load.asked, round);
  const ends = cluster.servers.reduce((sum, server) => sum + server.unexpectedEnds, 0) - endsBefore;
  const details =
    ends === 0 ? verdict.details : [...verdict.details, `${ends} ends of a process that was not told to end`];
  return {
    ...verdict,
    details,
    fault,
    jobs: load.asked.filter(({ id }) => id !== null).length,
    seconds,
  };
}
