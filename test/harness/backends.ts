import { describe } from 'vitest';
import { redisUrl } from './capabilities.js';

/** One suite on each of the two queues that Steward runs on: PostgreSQL alone, and Redis where there is one. */
export function describeOnBothQueues(title: string, suite: (redis: string | undefined) => void): void {
  const redis = redisUrl();
  describe(`${title} on PostgreSQL alone`, () => {
    suite(undefined);
  });
  describe.skipIf(redis === undefined)(`${title} on Redis`, () => {
    suite(redis);
  });
}
