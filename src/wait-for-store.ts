import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseUnusableError } from './kernel/database/open-database.js';
import { RedisUnusableError } from './kernel/redis/index.js';

const PAUSE_MS = 500;

/**
 * Opens a store, and tries again for as long as it does not answer: at the start of a machine or of a set of
 * containers nobody knows which program is there first. What waiting cannot mend, such as a wrong password, fails at
 * once. It is said once that there is something to wait for.
 */
export async function waitForStore<T>(
  open: () => Promise<T>,
  seconds: number,
  onProgress: (message: string) => void,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (let tries = 0; ; tries++) {
    try {
      return await open();
    } catch (error) {
      if (!isAway(error) || performance.now() + PAUSE_MS > deadline) throw error;
      if (tries === 0) onProgress(`waiting up to ${seconds} s. ${(error as Error).message}`);
      await sleep(PAUSE_MS);
    }
  }
}

const isAway = (error: unknown): boolean =>
  (error instanceof DatabaseUnusableError || error instanceof RedisUnusableError) && error.away;
