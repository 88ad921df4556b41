import { z } from 'zod';
import { instantIn, instantOut } from '../../../kernel/http/index.js';
import { SLOT_OUTCOMES } from '../schedule-slot.entity.js';

/** As many instants as one request looks at. */
export const MAX_BACKFILL = 1_000;

export const backfillBody = z.strictObject({
  from: instantIn.describe('The first instant that may be filled up, included.'),
  to: instantIn.describe('The last one, included; not in the future.'),
  dryRun: z.boolean().default(false).describe('Only says what would be done.'),
});
export type BackfillBody = z.output<typeof backfillBody>;

export const backfillView = z
  .object({
    dryRun: z.boolean(),
    run: z.number().int().describe('Instants that run now, one after another where they may not overlap.'),
    known: z.number().int().describe('Instants that have run or are about to.'),
    excluded: z.number().int().describe('Instants on days that the schedule leaves out.'),
    items: z.array(
      z.object({
        at: instantOut,
        local: z.string().describe('Local time with its offset.'),
        action: z.enum(['run', 'known', 'excluded']),
        outcome: z
          .enum(SLOT_OUTCOMES)
          .nullable()
          .describe('What the ledger said of it before; null: nothing.'),
      }),
    ),
  })
  .meta({ id: 'Backfill' });
export type BackfillView = z.output<typeof backfillView>;
