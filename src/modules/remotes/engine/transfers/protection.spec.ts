import { describe, expect, it } from 'vitest';
import type { DeleteProtection } from '../transfer-engine.js';
import { mostDeletions, refuseMassDelete } from './protection.js';

const careful: DeleteProtection = { allowMassDelete: false, mostDeletes: 10, mostDeletesPercent: 25 };

/** What became of it, and which sides had to be listed for that. */
async function asked(
  planned: { writes: number; deletes: number },
  sides: { source: number; there: number },
  protection = careful,
): Promise<{ refused: string | null; listed: string[] }> {
  const listed: string[] = [];
  const list = (side: string, count: number) => async (): Promise<number> => {
    listed.push(side);
    return count;
  };
  const refused = await refuseMassDelete(protection, planned, {
    sourceFiles: list('source', sides.source),
    filesThere: list('destination', sides.there),
  }).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : 'odd'),
  );
  return { refused, listed };
}

describe('refuseMassDelete', () => {
  it('asks nothing where nothing is deleted, or everything may be', async () => {
    expect(await asked({ writes: 0, deletes: 0 }, { source: 0, there: 0 })).toEqual({
      refused: null,
      listed: [],
    });
    const yes = { ...careful, allowMassDelete: true };
    expect(await asked({ writes: 0, deletes: 9e6 }, { source: 0, there: 9e6 }, yes)).toEqual({
      refused: null,
      listed: [],
    });
  });

  it('refuses an empty source however little would be deleted', async () => {
    expect((await asked({ writes: 0, deletes: 1 }, { source: 0, there: 1000 })).refused).toMatch(
      /^The source has no files, so 1 file at/,
    );
    expect((await asked({ writes: 0, deletes: 1 }, { source: 1, there: 1000 })).refused).toBeNull();
  });

  it.each([
    [10, 10, null],
    [11, 44, null],
    [11, 43, '11 files of 43 at the destination (25 %) would be deleted'],
    [400, 400, '400 files of 400 at the destination (100 %) would be deleted'],
    // The destination shrank since the plan.
    [400, 3, '400 files of 400 at the destination (100 %) would be deleted'],
  ])('%i of %i: %s', async (deletes, there, expected) => {
    const { refused } = await asked({ writes: 1, deletes }, { source: 1, there });
    expect(refused === null ? null : refused.slice(0, (expected ?? '').length)).toBe(expected);
  });
});

describe('mostDeletions', () => {
  it('leaves room for what rclone counts twice, and a little for what changes meanwhile', () => {
    expect(mostDeletions('sync', { deletes: 0, updates: 500 })).toBe(10);
    expect(mostDeletions('sync', { deletes: 100, updates: 500 })).toBe(120);
    expect(mostDeletions('backup', { deletes: 100, updates: 500 })).toBe(1320);
  });
});
