import { v7 } from 'uuid';

/** A new UUIDv7 (rule 8): ordered by time of making, so keyset pages and month partitions follow from the id. */
export const newId = (): string => v7();
