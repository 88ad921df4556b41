import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it } from 'vitest';
import {
  FAR_SIDES,
  FarSide,
  type FarSideType,
  ServedFarSide,
  smallDisksPossible,
  startFarSide,
} from '../far-sides/index.js';
import { rclonePresent } from '../harness/capabilities.js';
import { scratch } from '../harness/process.js';
import { tree, write } from '../harness/files.js';
import { HARD_NAMES, namesFor } from '../far-sides/hard-names.js';

/** The far sides themselves: a test against a server that does not do what it says proves nothing. */
describe.skipIf(!rclonePresent())('a far side', () => {
  let side: FarSide;
  afterEach(() => side.stop());

  it.each<FarSideType>([...FAR_SIDES, 'http'])('%s is read with every name files have', async (type) => {
    side = await startFarSide(type);
    const names = type === 'http' ? namesFor(type) : HARD_NAMES;
    const files = Object.fromEntries(names.map((name) => [name, randomBytes(100)]));
    await side.write(files);
    const folder = await scratch();
    try {
      await write(folder.path, files);
      const wanted = await tree(folder.path);
      expect(await side.tree()).toEqual(type === 's3' ? withoutFolders(wanted) : wanted);
      const listed = (await side.rclone(['lsf', '-R', '--files-only', 'far:'])).split('\n').filter(Boolean);
      expect(listed.toSorted()).toEqual(names.map(shown).toSorted());
    } finally {
      await folder.remove();
    }
  });

  it.each(FAR_SIDES)('%s accepts only the password of now', async (type) => {
    side = await startFarSide(type);
    await side.write({ a: 'a' });
    expect(await side.rclone(['lsf', 'far:'])).toBe('a\n');
    await expect(side.rclone(['lsf', 'far:'], 'a wrong one')).rejects.toThrow(
      /denied|auth|401|Unauthorized|SignatureDoesNotMatch/i,
    );
    const { options } = side.remote();
    const before = String(options['pass'] ?? options['secret_access_key']);
    await side.changePassword('the second password');
    await expect(side.rclone(['lsf', 'far:'], before)).rejects.toThrow(
      /denied|auth|401|Unauthorized|SignatureDoesNotMatch/i,
    );
    expect(await side.rclone(['lsf', 'far:'])).toBe('a\n');
  });

  it.each(FAR_SIDES)('%s breaks in the middle of a file, and works again', async (type) => {
    side = await startFarSide(type);
    await side.write({ big: randomBytes(4 * 1024 * 1024) });
    const broken = side.cable.breakAfter(1024 * 1024);
    const reading = side.rclone(['cat', 'far:big']).catch(() => 'failed');
    await broken;
    await reading;
    expect(await side.rclone(['lsf', 'far:'])).toBe('big\n');
  });

  it.each(FAR_SIDES)('%s is slow', async (type) => {
    side = await startFarSide(type);
    await side.write({ file: randomBytes(300_000) });
    side.cable.slow(150_000);
    const begun = performance.now();
    await side.rclone(['cat', 'far:file']);
    expect(performance.now() - begun).toBeGreaterThan(1_000);
  });

  it.skipIf(!smallDisksPossible()).each(['sftp', 'webdav'] as const)('%s has a small disk', async (type) => {
    side = await ServedFarSide.start(type, { diskSize: 1024 * 1024 });
    await side.write({ small: 'small' });
    expect(Object.keys(await side.tree())).toEqual(['small']);
    await expect(side.write({ big: randomBytes(2 * 1024 * 1024) })).rejects.toThrow(/ENOSPC/);
  });
});

const withoutFolders = (files: Record<string, string | null>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(files).filter(([, hash]) => hash !== null));

/** rclone shows a newline as the picture of one. */
const shown = (name: string): string => name.replaceAll('\n', '␊');
