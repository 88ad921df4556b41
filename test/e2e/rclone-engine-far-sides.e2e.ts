import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type EngineRemote,
  FileNotFound,
  type TransferOperation,
} from '../../src/modules/remotes/engine/transfer-engine.js';
import { ROOT, parseRemotePath } from '../../src/modules/remotes/remote-path.js';
import { namesFor } from '../far-sides/hard-names.js';
import { FAR_SIDES, type FarSide, S3FarSide, startFarSide } from '../far-sides/index.js';
import {
  MiB,
  type Seen,
  base,
  children,
  copy,
  engine,
  failure,
  localRemote,
  rcloneIsInstalled,
  tree,
  write,
} from './rclone-engine.js';

/** S3 has no folders. */
const filesOf = (found: Record<string, string | null>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(found).filter(([, hash]) => hash !== null));

describe.skipIf(!rcloneIsInstalled).each(FAR_SIDES)('the engine with a far side of type %s', (type) => {
  let side: FarSide;
  let here: EngineRemote;

  beforeEach(async () => {
    side = await startFarSide(type);
    here = localRemote('here', path.join(base, side.id));
    await mkdir(here.root, { recursive: true });
  });
  afterEach(() => side.stop());

  it('takes every name files have there and back', async () => {
    const names = namesFor(type);
    await write(here.root, Object.fromEntries(names.map((name) => [name, name])));
    const there = side.remote();
    await copy([here, there], '/', '/');
    const wanted = filesOf(await tree(here.root));
    expect(filesOf(await side.tree())).toEqual(wanted);
    const back = localRemote('back', path.join(base, `${side.id} back`));
    await mkdir(back.root);
    await copy([there, back], '/', '/');
    expect(filesOf(await tree(back.root))).toEqual(wanted);
  });

  it('lists no file as if it were an empty folder', async () => {
    await side.write({ 'folder/file': 'x' });
    const there = side.remote();
    expect(await engine.list(there, parseRemotePath('/folder'))).toMatchObject([{ name: 'file', size: 1 }]);
    await expect(engine.list(there, parseRemotePath('/folder/file'))).rejects.toThrow(FileNotFound);
  });

  it.each(['there', 'back'] as const)('repairs a connection that broke on the way %s', async (way) => {
    const files = Object.fromEntries(
      Array.from({ length: 4 }, (_, index) => [`f${index}`, randomBytes(MiB)]),
    );
    await (way === 'there' ? write(here.root, files) : side.write(files));
    const there = side.remote();
    const remotes = way === 'there' ? [here, there] : [there, here];
    const broken = side.cable.breakAfter(1.5 * MiB);
    const first = copy(remotes, '/', '/').catch((error: unknown) => error);
    await broken;
    const outcome: unknown = await first;
    expect(outcome instanceof Error ? outcome : { retryable: true }).toMatchObject({ retryable: true });
    // What another attempt of the job does, where rclone has not repaired it by itself.
    await copy(remotes, '/', '/');
    expect(filesOf(await side.tree())).toEqual(filesOf(await tree(here.root)));
  });

  it('ends when it is cancelled although nothing is answered', async () => {
    await write(here.root, { slow: randomBytes(20 * MiB) });
    const seen: Seen = { progress: [], log: [], abort: new AbortController() };
    const events = new EventEmitter();
    const moving = once(events, 'bytes');
    const end = failure(
      copy([here, side.remote()], '/', '/', { bandwidthLimit: MiB }, seen, ({ bytes }) => {
        if (bytes > 0) events.emit('bytes');
      }),
    );
    await moving;
    side.cable.blackHole();
    seen.abort.abort();
    expect((await end).kind).toBe('cancelled');
    expect(await children(process.pid)).toEqual([]);
  });

  it('tells a wrong password from everything else', async () => {
    await side.write({ a: 'a' });
    expect((await failure(engine.probe(side.remote('wrong')))).kind).toBe('auth');
    const error = await failure(copy([here, side.remote('wrong')], '/', '/'));
    expect([error.kind, error.retryable]).toEqual(['auth', false]);
    expect(await engine.list(side.remote(), ROOT)).toMatchObject([{ name: 'a', size: 1 }]);
  });

  it('tells a far side that is gone from everything else', async () => {
    const there = side.remote();
    await side.stop();
    const error = await failure(engine.probe(there));
    expect([error.kind, error.retryable]).toEqual(['temporary', true]);
    side = await startFarSide(type);
  });

  // Only this one can be made full everywhere; small disks are tried by the tests of the servers themselves.
  it.for(type === 's3' ? [type] : [])('loses nothing when the far side of type %s is full', async () => {
    if (side instanceof S3FarSide) side.isFull = true;
    await write(here.root, { a: randomBytes(MiB), b: 'b' });
    const before = await tree(here.root);
    const there = side.remote();
    const operation: TransferOperation = {
      kind: 'move',
      source: { remoteId: here.id, path: ROOT },
      destination: { remoteId: there.id, path: ROOT },
      options: {},
    };
    const observer = {
      signal: new AbortController().signal,
      isRepeated: false,
      onStart: () => undefined,
      onProgress: () => undefined,
      onLog: () => undefined,
    };
    const error = await failure(engine.transfer([here, there], operation, observer));
    expect(error.message).not.toBe('');
    expect(await tree(here.root)).toEqual(before);
  });
});
