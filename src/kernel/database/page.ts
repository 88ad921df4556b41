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
