import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EngineRemote, RemotePart } from '../engine/transfer-engine.js';
import { parseRemotePath } from '../remote-path.js';
import type { RemoteType } from '../types/remote-types.js';
import { conflicts, liesIn, lockPlaces, type LockPlace } from './lock-places.js';

const remote = (type: RemoteType, id: string, root = '', parts: RemotePart[] = []): EngineRemote => ({
  id,
  type,
  root,
  version: 1,
  options: {},
  parts,
});
const part = (of: EngineRemote, path = '', more: Partial<RemotePart> = {}): RemotePart => ({
  remote: of,
  path: parseRemotePath(path),
  name: null,
  readOnly: false,
  ...more,
});
const at = (one: EngineRemote, path: string, writes = true): LockPlace[] =>
  lockPlaces(one, parseRemotePath(path), writes);
const clash = (one: LockPlace[], other: LockPlace[]): boolean =>
  one.some((place) => other.some((row) => conflicts(place, row)));

const sftp = remote('sftp', 'sftp');

describe('places of one remote', () => {
  it.each([
    ['/a', '/a', true],
    ['/a', '/a/b', true],
    ['/a/b', '/a', true],
    ['/', '/a', true],
    ['/a', '/ab', false],
    ['/a/b', '/a/c', false],
    ['/A', '/a', true],
    ['/é', '/e\u0301', true],
    ['/Straße', '/straße', true],
    ['/متن', '/متن/سلام', true],
    ['/한글', '/한', false],
  ])('%s and %s: %s', (one, other, expected) => {
    expect(clash(at(sftp, one), at(sftp, other))).toBe(expected);
    expect(clash(at(sftp, one, false), at(sftp, other))).toBe(expected);
    expect(clash(at(sftp, one), at(sftp, other, false))).toBe(expected);
    expect(clash(at(sftp, one, false), at(sftp, other, false))).toBe(false);
  });

  it('clash for one order as for the other, and never between readers', () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'B', 'é', 'e\u0301', 'aa'), { maxLength: 4 });
    fc.assert(
      fc.property(path, path, fc.boolean(), fc.boolean(), (one, other, w1, w2) => {
        const [x, y] = [at(sftp, one.join('/'), w1), at(sftp, other.join('/'), w2)];
        expect(clash(x, y)).toBe(clash(y, x));
        const fold = (names: string[]): string => names.join('/').normalize('NFC').toLowerCase();
        const [f, g] = [`${fold(one)}/`, `${fold(other)}/`].map((key) => (key === '/' ? '' : key));
        expect(clash(x, y)).toBe((w1 || w2) && (f!.startsWith(g!) || g!.startsWith(f!)));
      }),
    );
  });
});

describe('places of different remotes', () => {
  const base = remote('sftp', 'base');

  it('have nothing to do with each other unless one rests on the other', () => {
    expect(clash(at(sftp, '/'), at(base, '/'))).toBe(false);
  });

  it('are compared on the disk where both are local', () => {
    const [one, below] = [
      remote('local', 'one', '/srv/files'),
      remote('local', 'below', '/srv/files/photos'),
    ];
    expect(clash(at(one, '/photos/2026'), at(below, '/'))).toBe(true);
    expect(clash(at(one, '/photos/2026'), at(below, '/2026/may'))).toBe(true);
    expect(clash(at(one, '/music'), at(below, '/'))).toBe(false);
  });

  it('of an alias are those it leads to', () => {
    const alias = remote('alias', 'alias', 'in', [part(base, '/data')]);
    expect(clash(at(alias, '/x'), at(base, '/data/in/x/y'))).toBe(true);
    expect(clash(at(alias, '/x'), at(base, '/data/x'))).toBe(false);
    const other = remote('alias', 'other', '', [part(alias, '/x')]);
    expect(clash(at(other, '/'), at(base, '/data/in/x/y'))).toBe(true);
  });

  it('of a crypt are its whole part for others, and its own folders for itself', () => {
    const crypt = remote('crypt', 'crypt', '', [part(base, '/sealed')]);
    expect(clash(at(crypt, '/x'), at(base, '/sealed/anything'))).toBe(true);
    expect(clash(at(crypt, '/x'), at(base, '/open'))).toBe(false);
    expect(clash(at(crypt, '/x'), at(crypt, '/y'))).toBe(false);
    expect(clash(at(crypt, '/x'), at(crypt, '/x/y'))).toBe(true);
    const second = remote('crypt', 'second', '', [part(base, '/sealed')]);
    expect(clash(at(crypt, '/x'), at(second, '/y'))).toBe(true);
  });

  it('of a union are all its parts, and nothing is written to those that are read only', () => {
    const union = remote('union', 'union', '', [part(base, '/u'), part(sftp, '/u', { readOnly: true })]);
    expect(clash(at(union, '/x'), at(base, '/u/x', false))).toBe(true);
    expect(clash(at(union, '/x'), at(sftp, '/u/x', false))).toBe(false);
    expect(clash(at(union, '/x'), at(sftp, '/u/x'))).toBe(true);
  });

  it('of a combine are those of the part that has the name', () => {
    const combine = remote('combine', 'combine', '', [
      part(base, '/c', { name: 'one' }),
      part(sftp, '/c', { name: 'two' }),
    ]);
    expect(clash(at(combine, '/one/x'), at(base, '/c/x'))).toBe(true);
    expect(clash(at(combine, '/one/x'), at(base, '/c/y'))).toBe(false);
    expect(clash(at(combine, '/one/x'), at(sftp, '/c'))).toBe(false);
    expect(clash(at(combine, '/'), at(sftp, '/c/z'))).toBe(true);
    expect(clash(at(combine, '/on'), at(base, '/c'))).toBe(false);
  });
});

it('finds what lies in something else, also through what it rests on', () => {
  const [one, below] = [remote('local', 'one', '/srv/files'), remote('local', 'below', '/srv/files/photos')];
  const place = (of: EngineRemote, path: string) => ({ remote: of, path: parseRemotePath(path) });
  expect(liesIn(place(below, '/x'), place(one, '/'))).toBe(true);
  expect(liesIn(place(one, '/'), place(below, '/x'))).toBe(false);
  expect(liesIn(place(sftp, '/a'), place(remote('sftp', 'another'), '/a'))).toBe(false);
  const crypt = remote('crypt', 'crypt', '', [part(one, '/sealed')]);
  expect(liesIn(place(crypt, '/'), place(one, '/'))).toBe(true);
  expect(liesIn(place(crypt, '/a'), place(crypt, '/b'))).toBe(false);
});
