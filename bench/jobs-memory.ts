import { head, row, runCell, whole, write, type CellOrder } from './jobs-common.js';
import { connectOwner, plantJobs, plantUser, startSteward, untilCompleted, watcher } from './jobs-steward.js';
import type { BenchServices } from './services.js';

const FEW = 100;

/** The most memory the process ever held while it worked on so many waiting jobs, in megabytes. */
export async function measureMemory(order: CellOrder): Promise<number> {
  const client = await connectOwner(order);
  await plantJobs(client, await plantUser(client), 'no-op', order.jobs);
  const before = process.resourceUsage().maxRSS;
  let handled = 0;
  const allHandled = new Promise<void>((resolve) => {
    watcher.started = () => {
      if (++handled === order.jobs) resolve();
    };
  });
  const app = await startSteward(order);
  await allHandled;
  await untilCompleted(client, order.jobs);
  const { maxRSS } = process.resourceUsage();
  await client.end();
  await app.close().catch(() => undefined);
  if (maxRSS === before) throw new Error('planting the jobs took more memory than working on them');
  return maxRSS / 1024;
}

export async function memory(services: BenchServices, jobs: number): Promise<void> {
  write('### The most memory one process held while it drained, MB\n');
  head('', `${FEW} jobs waiting`, `${whole(jobs)} jobs waiting`);
  for (const backend of services.redisUrl === undefined ? ['postgres'] : ['redis', 'postgres']) {
    const few = await runCell<number>(services, { cell: `memory-${backend}`, jobs: FEW });
    const many = await runCell<number>(services, { cell: `memory-${backend}`, jobs });
    row(backend === 'redis' ? 'Steward on Redis' : 'Steward on PostgreSQL', whole(few), whole(many));
  }
  write('');
}
