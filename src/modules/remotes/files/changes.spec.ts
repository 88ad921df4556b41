import { describe, expect, it } from 'vitest';
import type { EngineRemote } from '../engine/transfer-engine.js';
import { parseRemotePath } from '../remote-path.js';
import { Changes, idsOf } from './changes.js';

const remote = (id: string, ...parts: EngineRemote[]): EngineRemote => ({
  id,
  type: 'union',
  root: '',
  version: 1,
  options: {},
  parts: parts.map((part) => ({ remote: part, path: parseRemotePath('/'), name: null, readOnly: false })),
});
const at = (path: string): Changes => new Changes({ remoteId: 'r', path });
const seen = { remoteId: 'r', partIds: [] };
const touches = (changes: Changes, path: string): boolean => changes.touch(seen, parseRemotePath(path));

describe('Changes', () => {
  it('touch the folder itself, those above it and those below it, and no others', () => {
    const changes = at('/a/b');
    for (const path of ['/', '/a', '/a/b', '/a/b/c/d'])
      expect([path, touches(changes, path)]).toEqual([path, true]);
    for (const path of ['/ab', '/a/bc', '/b', '/a/c'])
      expect([path, touches(changes, path)]).toEqual([path, false]);
  });

  it('at the root, or nowhere in particular, touch everything', () => {
    for (const changes of [at('/'), new Changes({ remoteId: 'r' })])
      for (const path of ['/', '/a', '/a/b']) expect(touches(changes, path)).toBe(true);
  });

  it('take spellings that some storage holds for one for one', () => {
    expect(touches(at('/Fotos/Stra\u00dfe'), '/fotos/STRASSE')).toBe(true);
    expect(touches(at('/\u1112\u1161\u11ab'), '/\ud55c')).toBe(true);
    expect(touches(at('/A\u030a'), '/\u00e5')).toBe(true);
  });

  it('of a remote touch those made of it, those it is made of, and their siblings', () => {
    const changes = new Changes({ remoteId: 'crypt', path: '/a', partIds: ['base'] });
    const path = parseRemotePath('/elsewhere');
    expect(changes.touch({ remoteId: 'base', partIds: [] }, path)).toBe(true);
    expect(changes.touch({ remoteId: 'union', partIds: ['crypt', 'base'] }, path)).toBe(true);
    expect(changes.touch({ remoteId: 'sibling', partIds: ['base'] }, path)).toBe(true);
    expect(changes.touch({ remoteId: 'other', partIds: ['another'] }, path)).toBe(false);
  });

  it('stay small as a message: a long path becomes a folder above it', () => {
    const long = parseRemotePath(`a/${'\ud55c'.repeat(300)}/${'b'.repeat(300)}/c`);
    const message = Changes.at({ remoteId: 'r', partIds: ['p'] }, long);
    expect(message).toEqual({ remoteId: 'r', path: `/a/${'\ud55c'.repeat(300)}`, partIds: ['p'] });
    expect(new Changes(message).touch(seen, long)).toBe(true);
    const name = parseRemotePath('n'.repeat(4_000));
    expect(Changes.at({ remoteId: 'r', partIds: [] }, name).path).toBe('/');
  });
});

it('idsOf names the parts of parts', () => {
  expect(idsOf(remote('u', remote('c', remote('b')), remote('d')).parts)).toEqual(['c', 'b', 'd']);
});
