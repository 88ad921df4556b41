import { describe, expect, it } from 'vitest';
import { ROOT } from '../../remote-path.js';
import type { LogLine } from '../rc-log.js';
import { rcFilter } from '../rc-options.js';
import type { EngineRemote } from '../transfer-engine.js';
import {
  ObstacleFinder,
  explainObstacles,
  losesFolders,
  obstaclesInWords,
  onlyObstacles,
} from './in-the-way.js';

const line = (skipped: string, object: string): LogLine => ({
  level: 'warning',
  message: '',
  object,
  skipped,
  size: 1,
});

describe('ObstacleFinder', () => {
  it('finds files above what is written or made, and folders in the place of files', () => {
    const finder = new ObstacleFinder();
    for (const file of ['a', 'b/c', 'x', 'unrelated']) finder.add(line('delete', file));
    finder.add(line('move into backup dir', 'kept aside'));
    for (const folder of ['folder', 'folder/deep', 'other']) finder.add(line('remove directory', folder));
    finder.add(line('make directory', 'x'));
    finder.add(line('copy', 'unrelated/never asked'));
    for (const file of ['a/1', 'a/2/3', 'b/c/d', 'folder', 'kept aside/y', 'new/z', 'otherwise'])
      finder.write(file);
    expect([...finder.obstacles()]).toEqual([
      { files: ['a', 'b/c', 'kept aside', 'x'], folders: ['folder'] },
    ]);
  });

  it('tells them in portions, and nothing where nothing is in the way', () => {
    const finder = new ObstacleFinder();
    for (let at = 0; at < 1_201; at += 1) finder.add(line('delete', `f${at}`));
    expect([...finder.obstacles()]).toEqual([]);
    for (let at = 0; at < 1_201; at += 1) finder.write(`f${at}/x`);
    expect([...finder.obstacles()].map(({ files }) => files.length)).toEqual([500, 500, 201]);
  });
});

describe('the filter of what is in the way', () => {
  const obstacles = { files: ['f*'], folders: ['d[1]'] };

  it('is within that of the transfer', () => {
    const options = { exclude: ['*.tmp'] };
    expect(onlyObstacles(rcFilter(options), options, obstacles)?.FilterRule.slice(-4)).toEqual([
      '- *.tmp',
      '+ /f\\*',
      '+ /d\\[1\\]/**',
      '- /**',
    ]);
  });

  it('leaves folders alone where a list says what is meant', () => {
    const options = { include: ['*.txt', '*.md'], exclude: ['x'] };
    const filter = rcFilter(options);
    expect(onlyObstacles(filter, options, obstacles)?.FilterRule.slice(-3)).toEqual([
      '- x',
      '+ /f\\*',
      '- /**',
    ]);
    expect(onlyObstacles(filter, options, { files: [], folders: ['d'] })).toBeNull();
  });
});

it('says of what failed which of both is a folder', async () => {
  const there = new Map([
    ['file', false],
    ['folder', true],
    ['folder/file', false],
  ]);
  const failures = ['file/a/b', 'file/c', 'folder', 'folder/file/x', 'folder/new', 'nothing/x'].map(
    (name) => ({
      name,
      error: '',
    }),
  );
  const told = await explainObstacles(failures, ROOT, async (path) => there.get(path) ?? null);
  expect(told).toEqual([
    'file is a folder at the source and a file at the destination',
    'folder is a file at the source and a folder at the destination',
    'folder/file is a folder at the source and a file at the destination',
  ]);
  expect(obstaclesInWords(told)).toBe(
    'file is a folder at the source and a file at the destination, and 2 more like it: remove or rename one of the two.',
  );
});

it('knows WebDAV in whatever a remote is made of', () => {
  const remote = (type: EngineRemote['type'], ...parts: EngineRemote[]): EngineRemote => ({
    id: type,
    type,
    root: '/',
    version: 1,
    options: {},
    parts: parts.map((one) => ({ remote: one, path: ROOT, name: null, readOnly: false })),
  });
  expect(losesFolders(remote('crypt', remote('union', remote('s3'), remote('webdav'))))).toBe(true);
  expect(losesFolders(remote('crypt', remote('sftp')))).toBe(false);
});
