import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  LocalRootError,
  type LocalRootReason,
  checkLocalRoot,
  placesOverlap,
  refuseLinksInTheWay,
  resolveInside,
} from './local-root.js';
import { parseRemotePath } from './remote-path.js';

let base: string;
let allowed: string;
let outside: string;

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'local-root-')));
  allowed = join(base, 'allowed');
  outside = join(base, 'outside');
  await mkdir(join(allowed, 'a/b'), { recursive: true });
  await mkdir(outside);
  await writeFile(join(allowed, 'file'), 'x');
  await symlink(outside, join(allowed, 'out'));
  await symlink(join(allowed, 'a'), join(allowed, 'in'));
  await symlink(join(outside, 'not-yet'), join(allowed, 'broken'));
  await symlink('loop', join(allowed, 'loop'));
  await symlink(outside, join(allowed, 'line\nfeed'));
  await symlink(allowed, join(base, 'alias-of-allowed'));
});
afterAll(() => rm(base, { recursive: true }));

async function reason(work: Promise<unknown>): Promise<LocalRootReason | 'accepted'> {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    if (!(error instanceof LocalRootError)) throw error;
    if (error.message.includes(base))
      throw new Error('the message names a path of the server', { cause: error });
    return error.reason;
  }
}

describe('checkLocalRoot', () => {
  it.each<[root: unknown, expected: LocalRootReason | 'accepted']>([
    ['', 'accepted'],
    ['/a', 'accepted'],
    ['/a/b/', 'accepted'],
    ['/not/yet/there', 'accepted'],
    ['/in', 'accepted'],
    ['/in/b', 'accepted'],
    ['/with space and 한국어', 'accepted'],
    ['/out', 'outside'],
    ['/out/new', 'outside'],
    ['/broken', 'broken_link'],
    ['/broken/new', 'broken_link'],
    ['/loop', 'unreadable'],
    ['/../outside', 'dot_segment'],
    ['/a/../../outside', 'dot_segment'],
    ['/a/.', 'dot_segment'],
    ['/\uff0e\uff0e/outside', 'dot_segment'],
    ['/a\nb', 'bad_character'],
    ['/a\0', 'bad_character'],
    ['/a\u240a', 'bad_character'],
    ['/\u201bx', 'bad_character'],
    ['/\ud800', 'bad_character'],
    ['x', 'outside'], // allowedx: a longer name, not a folder below
  ])('<allowed>%j: %s', async (suffix, expected) => {
    expect(await reason(checkLocalRoot(`${allowed}${String(suffix)}`, [allowed]))).toBe(expected);
  });

  it.each([undefined, null, 3, '', 'relative', './allowed', 'C:\\x', '~/x'])('refuses %j', async (root) => {
    expect(await reason(checkLocalRoot(root, [allowed]))).toBe('not_absolute');
  });

  it('returns the plain form', async () => {
    expect(await checkLocalRoot(`${allowed}//a/b/`, [allowed])).toBe(join(allowed, 'a/b'));
    expect(await checkLocalRoot('/', ['/'])).toBe('/');
  });

  it('takes any of several allowed folders, given through links or not there yet', async () => {
    const root = join(allowed, 'a');
    expect(await reason(checkLocalRoot(root, [outside]))).toBe('outside');
    expect(await reason(checkLocalRoot(root, [outside, join(base, 'alias-of-allowed')]))).toBe('accepted');
    expect(await reason(checkLocalRoot(join(base, 'later/x'), [join(base, 'later')]))).toBe('accepted');
    expect(await reason(checkLocalRoot(root, []))).toBe('outside');
  });
});

describe('resolveInside', () => {
  it.each<[path: string, expected: LocalRootReason | 'accepted']>([
    ['', 'accepted'],
    ['a/b', 'accepted'],
    ['a/b/new/deep', 'accepted'],
    ['in/b', 'accepted'],
    ['file/below', 'accepted'],
    ['out', 'link_outside'],
    ['out/new/deep', 'link_outside'],
    ['in/b/new', 'accepted'],
    ['broken', 'broken_link'],
    ['broken/x', 'broken_link'],
    ['loop/x', 'unreadable'],
    ['line\u240afeed/x', 'link_outside'],
    ['line\u201b\u240afeed/x', 'accepted'],
    ['a\u2400', 'accepted'],
  ])('%j: %s', async (path, expected) => {
    expect(await reason(resolveInside(allowed, parseRemotePath(path)))).toBe(expected);
  });

  it('returns the real place', async () => {
    expect(await resolveInside(allowed, parseRemotePath('in/b/new'))).toBe(join(allowed, 'a/b/new'));
    expect(await resolveInside(join(base, 'alias-of-allowed'), parseRemotePath('a'))).toBe(
      join(allowed, 'a'),
    );
  });
});

describe('placesOverlap', () => {
  it.each([
    ['/srv/a', '/srv/a', true],
    ['/srv/a', '/srv/a/b', true],
    ['/srv/a/b', '/srv/a', true],
    ['/', '/srv', true],
    ['/srv/a', '/srv/ab', false],
    ['/srv/a', '/srv/b', false],
    ['/srv/\u00e9', '/srv/e\u0301/x', true],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(placesOverlap(a, b)).toBe(expected);
  });
});

async function trees(name: string): Promise<{ root: string; from: string; to: string }> {
  const root = join(base, name);
  const from = join(root, 'from');
  const to = join(root, 'to');
  await mkdir(join(from, 'd/e'), { recursive: true });
  await mkdir(join(to, 'd/e'), { recursive: true });
  await writeFile(join(from, 'd/e/f'), 'x');
  return { root, from, to };
}

describe('refuseLinksInTheWay', () => {
  const signal = new AbortController().signal;

  it('refuses a link to a file, to a folder, and one that leads nowhere', async () => {
    for (const [name, target] of [
      ['to-file', join(base, 'allowed/file')],
      ['to-folder', outside],
      ['to-nothing', join(base, 'nothing')],
    ] as const) {
      const { root, from, to } = await trees(name);
      await symlink(target, join(to, 'd/e/f'));
      expect(await reason(refuseLinksInTheWay(from, to, root, signal))).toBe('link_outside');
    }
  });

  it('sees a link whose name is not valid UTF-8', async () => {
    const { root, from, to } = await trees('bytes');
    const odd = Buffer.from([0x2f, 0xff, 0xfe]);
    await writeFile(Buffer.concat([Buffer.from(from), odd]), 'x');
    await symlink(outside, Buffer.concat([Buffer.from(to), odd]));
    expect(await reason(refuseLinksInTheWay(from, to, root, signal))).toBe('link_outside');
  });

  it('lets pass links inside the remote, names that are not copied, and missing folders', async () => {
    const { root, from, to } = await trees('fine');
    await symlink(join(to, 'd'), join(to, 'd/e/f'));
    await symlink(outside, join(to, 'elsewhere'));
    expect(await reason(refuseLinksInTheWay(from, to, root, signal))).toBe('accepted');
    expect(await reason(refuseLinksInTheWay(from, join(root, 'new'), root, signal))).toBe('accepted');
  });

  it('stops when asked', async () => {
    const { root, from, to } = await trees('stopped');
    await expect(refuseLinksInTheWay(from, to, root, AbortSignal.abort())).rejects.toThrow('aborted');
  });
});
