import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAULTS } from '../faults/faults.js';
import { playRound } from '../faults/round.js';
import { setStage, type Stage } from '../faults/stage.js';
import { redisUrl } from '../harness/capabilities.js';

/** A short run of `npm run faults`, which has more faults, more rounds, and a table at its end. */
const SHORT = {
  redis: ['redis-flush', 'kill-worker'],
  postgres: ['kill-any', 'postgres-immediate'],
} as const;

for (const backend of ['redis', 'postgres'] as const) {
  describe.skipIf(backend === 'redis' && redisUrl() === undefined)(`faults on ${backend}`, () => {
    let stage: Stage;
    beforeAll(async () => {
      stage = await setStage(backend);
    });
    afterAll(() => stage?.cluster.stop());

    it.each(SHORT[backend].map((name, index) => [name, index + 1] as const))(
      'nothing is lost or wrong after %s',
      async (name, round) => {
        const fault = FAULTS.find((one) => one.name === name)!;
        const result = await playRound(stage, fault, { round, seed: 4, perSecond: 20 });
        expect(result.details).toEqual([]);
        expect(result).toMatchObject({ lost: 0, wrong: 0, staleAccepted: 0 });
        expect(result.jobs).toBeGreaterThan(10);
      },
      240_000,
    );
  });
}
