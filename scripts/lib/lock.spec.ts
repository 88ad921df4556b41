import { EventEmitter, once } from 'node:events';
import { mkdtemp, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withLock } from './lock.mjs';

let directory: string;
let lock: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'steward-lock-'));
  lock = path.join(directory, 'lock');
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function leaveBehind(owner: string): Promise<void> {
  await mkdir(lock);
  await writeFile(path.join(lock, 'owner'), owner);
}

it('lets one at a time work and leaves nothing behind', async () => {
  let working = 0;
  const most: number[] = [];
  await Promise.all(
    Array.from({ length: 4 }, () =>
      withLock(lock, async () => {
        working += 1;
        await new Promise((resolve) => setImmediate(resolve));
        most.push(working);
        working -= 1;
      }),
    ),
  );
  expect(most).toEqual([1, 1, 1, 1]);
  expect(await readdir(directory)).toEqual([]);
});

it('is free again after work that failed', async () => {
  await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withLock(lock, () => 'done')).toBe('done');
});

it('is taken over from a process that is gone', async () => {
  await leaveBehind(`${hostname()} 999999999 abc`);
  expect(await withLock(lock, () => 'done')).toBe('done');
});

it('is taken over from an owner that stopped touching it, whatever its process number means now', async () => {
  await leaveBehind(`another-machine ${process.pid} abc`);
  const long = new Date('2026-01-01T00:00:00Z');
  await utimes(lock, long, long);
  expect(await withLock(lock, () => 'done')).toBe('done');
});

it('waits for a living owner and says so', async () => {
  const order: string[] = [];
  const gate = new EventEmitter();
  const opened = once(gate, 'open');
  const first = withLock(lock, () => opened.then(() => order.push('first')));
  const second = withLock(
    lock,
    () => order.push('second'),
    () => {
      order.push('waiting');
      gate.emit('open');
    },
  );
  await Promise.all([first, second]);
  expect(order).toEqual(['waiting', 'first', 'second']);
});
