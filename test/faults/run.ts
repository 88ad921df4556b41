import { parseArgs } from 'node:util';
import type { Backend } from './cluster.js';
import { FAULTS, type Fault } from './faults.js';
import { playRound, type RoundResult } from './round.js';
import { Random } from './random.js';
import { setStage, type Stage } from './stage.js';
import { table } from './table.js';

/**
 * npm run faults -- [--rounds N] [--only name[,name]] [--backend redis|postgres] [--seed S] [--rate jobs per second] [--logs folder]
 *
 * Breaks things under load, round after round, and holds the rows against an independent record. Everything runs on
 * the loopback address in a folder of its own, and is removed at the end. Ends with 1 when anything was lost, wrong
 * or written by an attempt that did not hold its job any more.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    only: { type: 'string' },
    backend: { type: 'string' },
    seed: { type: 'string', default: '1' },
    logs: { type: 'string' },
    rate: { type: 'string', default: '40' },
  },
});
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const seed = Number(values.seed);
const perSecond = Number(values.rate);

/** Which fault is next on which backend: heavier ones come as often as they weigh, in an order the seed decides. */
function plan(rounds: number): { fault: Fault; backend: Backend }[] {
  const names = values.only?.split(',');
  const chosen = FAULTS.filter(({ name }) => names === undefined || names.includes(name));
  const pairs = chosen.flatMap((fault) =>
    fault.backends
      .filter((backend) => values.backend === undefined || values.backend === backend)
      .map((backend) => ({ fault, backend, share: fault.weight / fault.backends.length })),
  );
  if (pairs.length === 0) throw new Error('no such fault');
  const random = new Random(seed);
  const played = new Map(pairs.map((pair) => [pair, random.below(100) / 1_000]));
  return Array.from({ length: rounds }, () => {
    const [next] = pairs.toSorted((a, b) => played.get(a)! / a.share - played.get(b)! / b.share);
    played.set(next!, played.get(next!)! + 1);
    return next!;
  });
}

const stages = new Map<Backend, Stage>();
async function stageOf(backend: Backend): Promise<Stage> {
  const known = stages.get(backend);
  if (known) return known;
  for (const other of stages.values()) await other.cluster.stop();
  const made = await setStage(backend, values.logs ?? null);
  stages.set(backend, made);
  return made;
}

async function stopAll(): Promise<void> {
  await Promise.allSettled([...stages.values()].map(({ cluster }) => cluster.stop()));
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stopAll().finally(() => process.exit(1)));

const results: RoundResult[] = [];
try {
  // All rounds of one backend, then those of the other: two clusters at a time would only be slower.
  const rounds = plan(Number(values.rounds)).toSorted((a, b) => b.backend.localeCompare(a.backend));
  for (const [index, { fault, backend }] of rounds.entries()) {
    const result = await playRound(await stageOf(backend), fault, { round: index + 1, seed, perSecond });
    results.push(result);
    const { jobs, lost, wrong, staleAccepted, staleRefused, repeated, seconds } = result;
    write(
      `round ${index + 1} ${fault.name} on ${backend}: ${jobs} jobs, ${lost} lost, ${wrong} wrong, ${staleAccepted} stale accepted, ${staleRefused} refused, ${repeated} repeated, ${seconds.toFixed(1)} s`,
    );
    for (const detail of result.details) write(`  ${detail}`);
  }
} finally {
  write(`\nseed ${seed}, ${perSecond} jobs per second\n`);
  write(table(results));
  await stopAll();
}
const bad = results.some(({ lost, wrong, staleAccepted }) => lost + wrong + staleAccepted > 0);
process.exit(bad ? 1 : 0);
