/** A page of a list: newest first, `nextCursor` null at the end. The cursor is the last id of the page. */
export interface Page<T> {
  readonly items: T[];
  readonly nextCursor: string | null;
}

export interface PageRequest {
  readonly limit: number;
  /** Only rows with a smaller id. */
  readonly cursor?: string | undefined;
}

/** Turns `limit + 1` rows into a page: the extra row only says that there is more. */
export function toPage<Row extends { id: string }, T>(
  rows: readonly Row[],
  limit: number,
  map: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  return { items: shown.map(map), nextCursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null };
}

const ROWS_AT_ONCE = 500;
/** Smaller than any id. */
export const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

type PageAfter<Row> = (after: string, limit: number) => Promise<Row[]>;

/**
 * All rows of a keyset query in the order of their ids, with one page of them in memory at a time, however many
 * there are. Rows that are added or removed meanwhile may be seen or not; no row is seen twice.
 */
export async function* everyRow<Row extends { id: string }>(page: PageAfter<Row>): AsyncGenerator<Row> {
  for await (const rows of everyPage(ROWS_AT_ONCE, page)) yield* rows;
}

/** The same, a page at a time. */
export async function* everyPage<Row extends { id: string }>(
  size: number,
  page: PageAfter<Row>,
): AsyncGenerator<Row[]> {
  for (let after = BEFORE_ALL; ;) {
    const rows = await page(after, size);
    const last = rows.at(-1);
    if (!last) return;
    yield rows;
    if (rows.length < size) return;
    after = last.id;
  }
}
