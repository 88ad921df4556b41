import { execute, type Tx } from '../../../kernel/database/index.js';

/**
 * For statements of this transaction that look at the first few waiting jobs of a kind: the planner goes along the
 * partial indexes, in their order, and stops. It cannot know how many wait just now; left to itself it reads or sorts
 * everything there is where its statistics are of a quieter, or busier, hour.
 */
export async function alongIndexes(tx: Tx): Promise<void> {
  await execute(
    tx,
    `select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_sort', 'off', true)`,
  );
}
