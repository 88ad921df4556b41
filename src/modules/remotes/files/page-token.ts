import type { FileEntry } from '../engine/transfer-engine.js';
import { UserError } from '../../../kernel/http/index.js';

/** Where a page of a folder ended: behind the `nth` entry of this name (storages exist where names repeat). */
interface PageEnd {
  readonly name: string;
  readonly nth: number;
}

/** The longest token of the longest name. */
export const MAX_TOKEN_CHARACTERS = 12_000;

/**
 * One page of `entries`, which are in the order of their names, with those left out that `shows` refuses. A token
 * names the last entry that was shown and no other, so that a page goes on there whatever came, went or was hidden
 * in between, and nobody learns from it of what is hidden.
 */
export function pageOfFolder(
  entries: readonly FileEntry[],
  { cursor, limit }: { cursor?: string | undefined; limit: number },
  shows: (entry: FileEntry) => boolean,
): { items: FileEntry[]; nextCursor: string | null } {
  const after = cursor === undefined ? null : readToken(cursor);
  const items: FileEntry[] = [];
  let last: PageEnd | null = after;
  for (
    let at = after ? firstFrom(entries, after.name) : 0, skip = after?.nth ?? 0;
    at < entries.length;
    at++
  ) {
    const entry = entries[at] as FileEntry;
    if (!shows(entry)) continue;
    if (entry.name === after?.name && skip > 0) {
      skip -= 1;
      continue;
    }
    if (items.length === limit) return { items, nextCursor: last && token(last) };
    items.push(entry);
    last = { name: entry.name, nth: last?.name === entry.name ? last.nth + 1 : 1 };
  }
  return { items, nextCursor: null };
}

/** The first entry whose name is not before `name`. */
function firstFrom(entries: readonly FileEntry[], name: string): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as FileEntry).name < name) low = middle + 1;
    else high = middle;
  }
  return low;
}

function token({ name, nth }: PageEnd): string {
  return Buffer.from(JSON.stringify([name, nth])).toString('base64url');
}

function readToken(text: string): PageEnd {
  try {
    const read: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (Array.isArray(read) && read.length === 2) {
      const [name, nth] = read as unknown[];
      if (typeof name === 'string' && Number.isSafeInteger(nth)) return { name, nth: nth as number };
    }
  } catch {
    // Told below.
  }
  throw UserError.field('/cursor', 'invalid', 'is no cursor of a page of this list');
}
