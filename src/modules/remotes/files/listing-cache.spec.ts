import { describe, expect, it } from 'vitest';
import type { FileEntry } from '../engine/transfer-engine.js';
import { Changes } from './changes.js';
import { ListingCache } from './listing-cache.js';
import { ROOT, parseRemotePath } from '../remote-path.js';

const entry = (name: string): FileEntry => ({
  name,
  path: parseRemotePath(name),
  size: 1,
  isDir: false,
  modifiedAt: '2026-11-20T09:00:00.000Z',
});
const key = { remoteId: 'r', partIds: [] as string[], version: 1, path: ROOT };
const all = new Changes({ remoteId: 'r' });

/** A cache on a clock of the test, and looks that are counted. */
function setUp() {
  const clock = { nowMs: 0 };
  const looks: string[] = [];
  const cache = new ListingCache(() => clock.nowMs);
  const get = (label: string, at = key, entries = [entry(label)]) =>
    cache.get(at, () => {
      looks.push(label);
      return Promise.resolve(entries);
    });
  return { cache, clock, looks, get };
}

describe('ListingCache', () => {
  it('answers in the order of names, whatever order the engine has', async () => {
    const { get } = setUp();
    const names = ['b', 'a', 'Z', 'ä', '😀', '\uffee'];
    const listed = await get('one', key, names.map(entry));
    expect(listed.map(({ name }) => name)).toEqual(['Z', 'a', 'b', 'ä', '😀', '\uffee']);
  });

  it('looks once in 60 seconds, also for those who ask at the same time', async () => {
    const { clock, looks, get } = setUp();
    await Promise.all([get('first'), get('second')]);
    clock.nowMs = 59_999;
    await get('third');
    expect(looks).toEqual(['first']);
    clock.nowMs = 60_000;
    await get('fourth');
    expect(looks).toEqual(['first', 'fourth']);
  });

  it('tells folders, remotes and versions apart', async () => {
    const { looks, get } = setUp();
    await get('a');
    await get('b', { ...key, path: parseRemotePath('x') });
    await get('c', { ...key, version: 2 });
    await get('d', { ...key, remoteId: 's' });
    expect(looks).toEqual(['a', 'b', 'c', 'd']);
  });

  it('forgets every folder of a remote and nothing of others', async () => {
    const { cache, looks, get } = setUp();
    await get('a', { ...key, path: parseRemotePath('x') });
    await get('b', { ...key, remoteId: 's' });
    cache.forget(all);
    await get('c', { ...key, path: parseRemotePath('x') });
    await get('d', { ...key, remoteId: 's' });
    expect(looks).toEqual(['a', 'b', 'c']);
  });

  it('forgets only the folders that a change touches', async () => {
    const { cache, looks, get } = setUp();
    const folders = ['', 'a', 'a/b', 'a/b/c', 'a/d', 'ab'];
    const lookAll = () =>
      Promise.all(folders.map((path) => get(path, { ...key, path: parseRemotePath(path) })));
    await lookAll();
    cache.forget(new Changes({ remoteId: 'r', path: '/a/b' }));
    await lookAll();
    expect(looks.slice(folders.length)).toEqual(['', 'a', 'a/b', 'a/b/c']);
  });

  it('does not remember a look that was under way when it was told to forget', async () => {
    const { cache, looks, get } = setUp();
    let finish: (entries: FileEntry[]) => void = () => undefined;
    const early = cache.get(key, () => new Promise((resolve) => (finish = resolve)));
    cache.forget(all);
    finish([entry('old')]);
    expect((await early).map(({ name }) => name)).toEqual(['old']);
    await get('new');
    expect(looks).toEqual(['new']);
  });

  it('does not remember a failure', async () => {
    const { cache, looks, get } = setUp();
    await expect(cache.get(key, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    await get('again');
    expect(looks).toEqual(['again']);
  });

  it('drops the oldest when there is too much to remember', async () => {
    const { looks, get } = setUp();
    const many = Array.from({ length: 60_000 }, (_, index) => entry(`f${index}`));
    await get('a', { ...key, remoteId: 'a' }, many);
    await get('b', { ...key, remoteId: 'b' }, many);
    await get('b', { ...key, remoteId: 'b' });
    await get('a', { ...key, remoteId: 'a' });
    expect(looks).toEqual(['a', 'b', 'a']);
  });
});
