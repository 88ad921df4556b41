import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RcloneBinary } from './rclone-binary.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rclone-binary-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function program(script: string, name = 'rclone'): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('RcloneBinary', () => {
  it('finds the program by its path and in a search path', async () => {
    const path = await program('echo "rclone v1.75.3"; echo "- os/version: x"');
    const found = { available: true, version: '1.75.3' };
    expect(await new RcloneBinary({ path }).availability()).toEqual(found);
    expect(await new RcloneBinary({ searchPath: `/nowhere::${folder}` }).availability()).toEqual(found);
  });

  it.each([
    ['a name nobody has', 'rclone-of-nobody'],
    ['a path nobody has', '/nowhere/rclone'],
    ['a file that may not run', '/etc/passwd'],
  ])('is missing: %s', async (_what, path) => {
    const availability = await new RcloneBinary({ path }).availability();
    expect(availability).toMatchObject({ available: false, reason: 'missing' });
    expect(availability).toHaveProperty('hint', expect.stringContaining('apt-get install rclone'));
  });

  it.each([
    ['too_old', 'echo "rclone v1.53.3-DEV"'],
    ['broken', 'echo hello'],
    ['broken', 'echo "cannot load library" >&2; exit 1'],
    ['broken', 'exit 127'],
  ])('is %s: %s', async (reason, script) => {
    const path = await program(script);
    expect(await new RcloneBinary({ path }).availability()).toMatchObject({ available: false, reason });
  });

  it('gives up on one that does not answer', async () => {
    const path = await program('exec sleep 60');
    const binary = new RcloneBinary({ path, limitMs: 100 });
    expect(await binary.availability()).toMatchObject({ available: false, reason: 'broken' });
  });

  it('passes nothing of the environment on', async () => {
    const path = await program(`env > ${join(folder, 'seen')}; echo "rclone v1.60.1"`);
    await new RcloneBinary({ path }).availability();
    const seen = await readFile(join(folder, 'seen'), 'utf8');
    const shells = new Set(['PWD', 'OLDPWD', 'SHLVL', '_']);
    const names = [...seen.matchAll(/^\w+/gm)].map(([name]) => name).filter((name) => !shells.has(name));
    expect(new Set(names)).toEqual(new Set(['HOME', 'LANG', 'PATH', 'TZ']));
  });

  it('looks again after 30 seconds while missing, and not again once found', async () => {
    let now = 0;
    const path = join(folder, 'rclone');
    const binary = new RcloneBinary({ path }, () => now);
    expect((await binary.availability()).available).toBe(false);
    await program('echo "rclone v1.60.1"');
    now = 29_999;
    expect((await binary.availability()).available).toBe(false);
    now = 30_000;
    expect((await binary.availability()).available).toBe(true);
    await rm(path);
    now = 90_000;
    expect((await binary.availability()).available).toBe(true);
    binary.forget();
    expect((await binary.availability()).available).toBe(false);
  });

  it('probes once for callers at the same time', async () => {
    const path = await program(`echo x >> ${join(folder, 'runs')}; echo "rclone v1.60.1"`);
    const binary = new RcloneBinary({ path });
    await Promise.all([binary.availability(), binary.availability(), binary.locate()]);
    expect(await readFile(join(folder, 'runs'), 'utf8')).toBe('x\n');
  });
});
