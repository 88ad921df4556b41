import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../kernel/http/index.js';
import type { FileEntry } from '../engine/transfer-engine.js';
import { parseRemotePath } from '../remote-path.js';
import { pageOfFolder } from './page-token.js';

const entry = (name: string, size = 1): FileEntry => ({
  name,
  path: parseRemotePath(name),
  size,
  isDir: false,
  modifiedAt: '2026-11-20T09:00:00.000Z',
});
const folder = (...names: string[]): FileEntry[] => names.map((name, at) => entry(name, at));

/** Every page in turn, each from what `entries` gives at that moment. */
function walk(entries: () => FileEntry[], limit: number, shows: (entry: FileEntry) => boolean): FileEntry[] {
  const seen: FileEntry[] = [];
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = pageOfFolder(entries(), { cursor, limit }, shows);
    seen.push(...items);
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return seen;
}

describe('pageOfFolder', () => {
  it('shows everything that may be shown once, in its order, whatever the size of the pages', () => {
    const names = fc.array(fc.constantFrom('a', 'b', 'B', 'ä', '파일', '[x]', '-', '😀', 'a\u0308'), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(
        names,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 4 }),
        (some, limit, hidden) => {
          const entries = folder(...some.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
          const shows = ({ size }: FileEntry): boolean => (size ?? 0) % hidden === 0;
          expect(walk(() => entries, limit, shows)).toEqual(entries.filter(shows));
        },
      ),
    );
  });

  it('goes on where it was when entries come, go or are hidden between two pages', () => {
    const { nextCursor } = pageOfFolder(folder('b', 'd', 'f'), { limit: 2 }, () => true);
    const cursor = nextCursor ?? undefined;
    const later = folder('a', 'b', 'c', 'd', 'e', 'f');
    const next = (entries: FileEntry[], hidden = ''): string[] =>
      pageOfFolder(entries, { cursor, limit: 9 }, ({ name }) => name !== hidden).items.map(
        ({ name }) => name,
      );
    expect(next(later)).toEqual(['e', 'f']);
    expect(next(folder('a', 'f'))).toEqual(['f']);
    expect(next(later, 'd')).toEqual(['e', 'f']);
    expect(next(later, 'f')).toEqual(['e']);
  });

  it('names in its token only what was shown, and promises no page that would be empty', () => {
    const entries = folder('a', 'secret 1', 'secret 2');
    const shows = ({ name }: FileEntry): boolean => !name.startsWith('secret');
    expect(pageOfFolder(entries, { limit: 1 }, shows).nextCursor).toBeNull();
    const { nextCursor } = pageOfFolder(folder('a', 'secret', 'z'), { limit: 1 }, shows);
    expect(Buffer.from(nextCursor ?? '', 'base64url').toString()).toBe('["a",1]');
  });

  it.each(['', 'a', 'W10', 'bnVsbA', Buffer.from('["a"]').toString('base64url'), '😀'])(
    'refuses %j',
    (cursor) => {
      expect(() => pageOfFolder(folder('a'), { cursor, limit: 1 }, () => true)).toThrow(UserError);
    },
  );
});
