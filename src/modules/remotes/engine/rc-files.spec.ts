import { describe, expect, it } from 'vitest';
import { RcError } from './rc-client.js';
import { isMissing, toFileEntry } from './rc-files.js';

describe('toFileEntry', () => {
  it('reads a file and a folder', () => {
    const ModTime = '2026-11-20T17:05:53.686499911+02:00';
    expect(toFileEntry({ Name: 'b', Path: 'a/b', Size: 3, IsDir: false, ModTime })).toEqual({
      name: 'b',
      path: 'a/b',
      size: 3,
      isDir: false,
      modifiedAt: '2026-11-20T15:05:53.686Z',
    });
    expect(toFileEntry({ Name: 'a', Path: 'a', Size: -1, IsDir: true, ModTime })).toMatchObject({
      size: null,
      isDir: true,
    });
  });

  it.each([
    null,
    'x',
    {},
    { Name: 'x', Path: 'x', ModTime: 'yesterday' },
    { Name: '．．', Path: '．．', ModTime: '2026-11-20T17:05:53Z' },
  ])('leaves out %j', (item) => {
    expect(toFileEntry(item)).toBeNull();
  });
});

describe('isMissing', () => {
  it.each([
    [new RcError('m', 404, 'directory not found'), true],
    [new RcError('m', 500, 'error in ListJSON: readdirent /a/b: not a directory'), true],
    [new RcError('m', 500, 'permission denied'), false],
    [new Error('directory not found'), false],
  ])('%s: %s', (error, expected) => {
    expect(isMissing(error)).toBe(expected);
  });
});
