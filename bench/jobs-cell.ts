import 'reflect-metadata';
import type { CellOrder } from './jobs-common.js';
import { drainBullMq, drainGraphileWorker, drainPgBoss } from './jobs-peers.js';
import { drainSteward } from './jobs-steward.js';

const WORK: readonly (readonly [string, (order: CellOrder) => Promise<unknown>])[] = [
  ['steward-', drainSteward],
  ['bullmq-', drainBullMq],
  ['pg-boss-', drainPgBoss],
  ['graphile-', drainGraphileWorker],
];

/** One cell: does what its name says and answers what was measured. It ends when its parent has let go of it. */
process.once('message', (message) => {
  const order = message as CellOrder;
  const work = WORK.find(([prefix]) => order.cell.startsWith(prefix))?.[1];
  if (!work) throw new Error(`no cell ${order.cell}`);
  process.once('disconnect', () => process.exit(0));
  work(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});
