import { describe, expect, it } from 'vitest';
import { parseRemotePath } from '../../remote-path.js';
import { freeVersionsFolder } from './versions-folder.js';

describe('freeVersionsFolder', () => {
  it.each([
    ['b/v/1', ['2', '1-r2'], 'b/v/1'],
    ['b/v/1', ['1'], 'b/v/1-r2'],
    ['b/v/1', ['1', '1-r2', '1-r4'], 'b/v/1-r3'],
    ['1', ['1'], '1-r2'],
  ])('%s beside %j is %s', (wanted, siblings, expected) => {
    expect(freeVersionsFolder(parseRemotePath(wanted), new Set(siblings))).toBe(expected);
  });

  it('gives up at some time', () => {
    const siblings = new Set(['1', ...Array.from({ length: 1000 }, (_, index) => `1-r${index}`), '1-r1000']);
    expect(() => freeVersionsFolder(parseRemotePath('1'), siblings)).toThrow('too many version folders');
  });
});
