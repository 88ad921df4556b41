import { describe } from 'vitest';
import { redisUrl } from './capabilities.js';

/**
 * One suite on each of the two queues that Steward runs on: PostgreSQL alone, and Redis where there is one. Skipped
 * where it cannot run for another reason of its own.
 */
export function describeOnBothQueues(
  title: string,
  suite: (redis: string | undefined) => void,
  { skip = false }: { readonly skip?: boolean } = {},
): void {
  const redis = redisUrl();
  describe.skipIf(skip)(`${title} on PostgreSQL alone`, () => {
    suite(undefined);
  });
  describe.skipIf(skip || redis === undefined)(`${title} on Redis`, () => {
    suite(redis);
  });
}
