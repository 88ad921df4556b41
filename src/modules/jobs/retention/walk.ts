import { idAfter } from '../../../kernel/database/index.js';
import type { IdRange } from './old-jobs.repository.js';

/** Takes steps over the ids of some ranges, each from where the one before it stopped; `null` ends a range. */
export async function walk(
  ranges: readonly IdRange[],
  signal: AbortSignal,
  step: (range: IdRange) => Promise<string | null>,
): Promise<void> {
  for (const [first, below] of ranges) {
    let from: string | null = first;
    while (from !== null) {
      signal.throwIfAborted();
      const last: string | null = await step([from, below]);
      from = last === null ? null : idAfter(last);
    }
  }
}

/** All rows of some ranges, a page at a time. */
export async function* everyPageOf<Row extends { id: string }>(
  ranges: readonly IdRange[],
  pageSize: number,
  page: (range: IdRange, limit: number) => Promise<Row[]>,
): AsyncGenerator<Row[]> {
  for (const [first, below] of ranges) {
    let from: string | null = first;
    while (from !== null) {
      const rows: Row[] = await page([from, below], pageSize);
      yield rows;
      from = rows.length < pageSize ? null : idAfter(rows.at(-1)!.id);
    }
  }
}
