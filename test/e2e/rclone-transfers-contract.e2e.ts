import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { RcloneBinary } from '../../src/modules/remotes/engine/rclone-binary.js';
import { RcloneProcess } from '../../src/modules/remotes/engine/rclone-process.js';
import {
  DELETE_ONLY,
  type RcConfig,
  rcConfig,
  rcFilter,
} from '../../src/modules/remotes/engine/rc-options.js';
import { TransferLog } from '../../src/modules/remotes/engine/rc-log.js';
import { RcJobs } from '../../src/modules/remotes/engine/transfers/rc-jobs.js';
import { rcloneIsInstalled } from './rclone-engine.js';

const sources = fileURLToPath(new URL('../../src/modules/remotes/engine/transfers', import.meta.url));

async function withRclone<T>(work: (rclone: RcloneProcess, log: TransferLog) => Promise<T>): Promise<T> {
  const command = await new RcloneBinary({}).locate();
  if ('available' in command) throw new Error('rclone is missing');
  const log = new TransferLog((message) => message);
  const rclone = await RcloneProcess.start(command, { jobExpiry: '2m', onLine: (line) => log.add(line) });
  try {
    return await work(rclone, log);
  } finally {
    await rclone.kill();
  }
}

describe.skipIf(!rcloneIsInstalled)('what transfers ask of rclone', () => {
  it('are settings it knows: those it does not know it would ignore', async () => {
    const all: Required<RcConfig> = {
      ...rcConfig({}, { BackupDir: 'x', MaxDelete: 1, IgnoreExisting: true }),
      DeleteMode: DELETE_ONLY,
      CheckFirst: true,
      Transfers: 1,
      Checkers: 1,
      BackupDir: 'x',
      MaxDelete: 1,
      IgnoreExisting: true,
    };
    const { main, filter } = await withRclone((rclone) => rclone.call('options/get', {}));
    expect(Object.keys(main ?? {})).toEqual(expect.arrayContaining(Object.keys(all)));
    expect(Object.keys(filter ?? {})).toEqual(expect.arrayContaining(Object.keys(rcFilter({}))));
    expect(Object.keys(main ?? {})).not.toContain('DryRuns');
  });

  it('are methods it has', async () => {
    const used = new Set<string>();
    for (const name of await readdir(sources)) {
      if (name.includes('.spec.')) continue;
      const text = await readFile(join(sources, name), 'utf8');
      for (const [, method] of text.matchAll(/'((?:core|job|operations|rc|sync)\/[a-z-]+)'/g))
        used.add(method ?? '');
    }
    expect(used.size).toBeGreaterThan(15);
    const { commands } = await withRclone((rclone) => rclone.call('rc/list', {}));
    const known = Array.isArray(commands) ? commands.map((command: { Path: string }) => command.Path) : [];
    expect([...used].filter((method) => !known.includes(method))).toEqual([]);
  });

  it('have their log read to the end before it is used', async () => {
    await withRclone(async (rclone, log) => {
      const jobs = new RcJobs(rclone, new AbortController().signal);
      for (let round = 0; round < 20; round++) {
        const seen: string[] = [];
        log.listen('none', ({ message }) => seen.push(message));
        const lines = 200;
        for (let index = 0; index < lines; index++) {
          await rclone
            .call('operations/rmdir', { fs: ':memory:', remote: `x${index}`, _config: { DryRun: true } })
            .catch(() => undefined);
        }
        await jobs.settle(log);
        expect(seen.filter((message) => message.startsWith('Skipped remove directory'))).toHaveLength(lines);
      }
    });
  });
});
