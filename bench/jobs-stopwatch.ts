import type { DrainResult } from './jobs-drain.js';
import type { Spent } from './jobs-common.js';

/** Asks the parent, which knows the servers, for the processor time they have used so far. */
function ofServers(): Promise<Omit<Spent, 'node'>> {
  return new Promise((resolve) => {
    const answer = (message: unknown): void => {
      const { spent } = message as { spent?: Omit<Spent, 'node'> };
      if (!spent) return;
      process.off('message', answer);
      resolve(spent);
    };
    process.on('message', answer);
    process.send?.({ spent: true });
  });
}

/**
 * From `start` to `stop`: wall time, and the processor time of this process and of the servers. The first `warmUp`
 * jobs are not counted: a process that has just started runs code that is not compiled yet, in all cells alike.
 */
export class Stopwatch {
  private began = 0;
  private cpu = process.cpuUsage();
  private servers: Promise<Omit<Spent, 'node'>> = Promise.resolve({ postgres: 0, redis: 0 });

  start(): void {
    this.servers = ofServers();
    this.cpu = process.cpuUsage();
    this.began = performance.now();
  }

  async stop(jobs: number): Promise<DrainResult> {
    const seconds = (performance.now() - this.began) / 1000;
    const { user, system } = process.cpuUsage(this.cpu);
    const [before, after] = [await this.servers, await ofServers()];
    return {
      jobsPerSecond: jobs / seconds,
      spent: {
        node: (user + system) / jobs,
        postgres: (after.postgres - before.postgres) / jobs,
        redis: (after.redis - before.redis) / jobs,
      },
      residentMegabytes: process.memoryUsage.rss() / 1_048_576,
    };
  }
}
