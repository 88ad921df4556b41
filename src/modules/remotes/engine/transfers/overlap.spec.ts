import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../remote-path.js';
import { Locator } from '../locator.js';
import type { EngineRemote, RemoteOptions } from '../transfer-engine.js';
import { overlap } from './overlap.js';

type Part = [remote: EngineRemote, path: string, name?: string];
const remote = (
  id: string,
  type: EngineRemote['type'],
  { options = {}, parts = [], root = '' }: { options?: RemoteOptions; parts?: Part[]; root?: string } = {},
): EngineRemote => ({
  id,
  type,
  root,
  version: 1,
  options,
  parts: parts.map(([of, path, name = null]) => ({
    remote: of,
    path: parseRemotePath(path),
    name,
    readOnly: false,
  })),
});
const locator = new Locator([]);
const meets = (a: EngineRemote, pathA: string, b: EngineRemote, pathB: string) =>
  overlap(locator, { remote: a, path: parseRemotePath(pathA) }, { remote: b, path: parseRemotePath(pathB) });

const s3 = remote('s3', 's3', { options: { key: 'k' } });
const alias = remote('alias', 'alias', { parts: [[s3, 'data']] });
const crypt = remote('crypt', 'crypt', { parts: [[s3, 'enc']] });
const union = remote('union', 'union', {
  parts: [
    [s3, 'u1'],
    [alias, 'u2'],
  ],
});
const combine = remote('combine', 'combine', {
  parts: [
    [s3, 'c1', 'one'],
    [alias, '', 'two'],
  ],
});

describe('overlap', () => {
  it.each<[EngineRemote, string, EngineRemote, string, boolean]>([
    [s3, 'a', s3, 'a/b', true],
    [s3, 'a/b', s3, 'a', true],
    [s3, '', s3, 'x', true],
    [s3, 'a', s3, 'ab', false],
    [s3, 'e\u0301', s3, '\u00e9/x', true],
    [alias, 'x', s3, 'data/x/y', true],
    [alias, 'x', s3, 'data2/x', false],
    [alias, 'x', alias, 'y', false],
    [crypt, 'a', crypt, 'b', false],
    [crypt, 'a', s3, 'enc', true],
    [crypt, 'a', s3, 'enc/zzz', true],
    [crypt, 'a', s3, 'other', false],
    [union, 'x', s3, 'u1/x', true],
    [union, 'x', s3, 'data/u2/x/y', true],
    [union, 'x', s3, 'u1/y', false],
    [combine, 'one/x', s3, 'c1/x', true],
    [combine, 'two/x', alias, 'x', true],
    [combine, 'one/x', alias, 'x', false],
    [combine, '', s3, 'c1/deep', true],
    [combine, 'three', s3, '', false],
  ])('%#', async (a, pathA, b, pathB, expected) => {
    expect(await meets(a, pathA, b, pathB)).toBe(expected);
    expect(await meets(b, pathB, a, pathA)).toBe(expected);
  });

  it('knows one far side that is registered twice by what it is logged in with', async () => {
    const again = remote('again', 's3', { options: { key: 'k' } });
    expect(await meets(s3, 'a', again, 'a/b')).toBe(true);
    expect(await meets(s3, 'a', again, 'b')).toBe(false);
    const rooted = remote('rooted', 's3', { options: { key: 'k' }, root: 'a' });
    expect(await meets(s3, 'a/b', rooted, 'b')).toBe(true);
    for (const other of [
      remote('o1', 's3', { options: { key: 'other' } }),
      remote('o2', 's3', { options: { key: 'k', region: 'x' } }),
      remote('o3', 'sftp', { options: { key: 'k' } }),
    ])
      expect(await meets(s3, 'a', other, 'a')).toBe(false);
  });
});
