import { v7 } from 'uuid';

/** A new UUIDv7 (rule 8): ordered by time of making, so keyset pages and month partitions follow from the id. */
export const newId = (): string => v7();

/** The smallest id that is larger: where a walk over ids goes on. */
export function idAfter(id: string): string {
  const next = (BigInt(`0x${id.replaceAll('-', '')}`) + 1n).toString(16).padStart(32, '0');
  return next.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
