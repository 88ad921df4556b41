import { randomBytes } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest';
import { RcloneBinary } from '../../src/modules/remotes/engine/rclone-binary.js';
import { RcloneEngine } from '../../src/modules/remotes/engine/rclone-engine.js';
import {
  type DeleteProtection,
  type EngineRemote,
  type Place,
  TransferError,
  type TransferObserver,
  type TransferOperation,
  type TransferOptions,
  type TransferProgress,
  type TransferResult,
} from '../../src/modules/remotes/engine/transfer-engine.js';
import { parseRemotePath } from '../../src/modules/remotes/remote-path.js';
import { rcloneProcesses as children } from '../harness/rclone-processes.js';

export { tree, write } from '../harness/files.js';
export { children };

export const MiB = 1024 * 1024;
/** The only folder that remotes of the tests may be in. */
export let base: string;
/** A new one for every test. */
export let engine: RcloneEngine;
let counter = 0;

/** Where it is not, suites that need it are left out. */
export const rcloneIsInstalled = (await new RcloneBinary({}).availability()).available;

beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'rclone-engine-')));
});
beforeEach(() => {
  engine = new RcloneEngine({ localRoots: [base], stopLimitMs: 1000 });
});
afterEach(() => engine.close());
afterAll(async () => {
  await rm(base, { recursive: true });
});

export const localRemote = (id: string, root: string): EngineRemote => ({
  id,
  type: 'local',
  root,
  version: 1,
  options: {},
  parts: [],
});

/** Two empty remotes of one test. */
export async function twoRemotes(): Promise<{
  from: EngineRemote;
  to: EngineRemote;
  remotes: EngineRemote[];
}> {
  const folder = join(base, `t${++counter}`);
  const from: EngineRemote = localRemote('from', join(folder, 'from'));
  const to: EngineRemote = localRemote('to', join(folder, 'to'));
  await mkdir(from.root, { recursive: true });
  await mkdir(to.root);
  return { from, to, remotes: [from, to] };
}

export interface Seen {
  progress: TransferProgress[];
  log: string[];
  abort: AbortController;
}

export const nothingSeen = (): Seen => ({ progress: [], log: [], abort: new AbortController() });

/** Any operation. `also`: what the observer has beside what `seen` takes down. */
export function transfer(
  remotes: EngineRemote[],
  operation: TransferOperation,
  seen: Seen = nothingSeen(),
  also: Partial<Pick<TransferObserver, 'isRepeated' | 'onStart' | 'onProgress'>> = {},
): Promise<TransferResult> {
  return engine.transfer(remotes, operation, {
    signal: seen.abort.signal,
    isRepeated: also.isRepeated ?? false,
    onStart: also.onStart ?? (() => undefined),
    onProgress: (progress) => {
      seen.progress.push(progress);
      also.onProgress?.(progress);
    },
    onLog: (level, message) => seen.log.push(`${level} ${message}`),
  });
}

/** From the first remote to the second, or within the only one. */
export function ends(
  remotes: EngineRemote[],
  source: string,
  destination: string,
): { source: Place; destination: Place } {
  const [from, to = from] = remotes;
  return {
    source: { remoteId: from?.id ?? '', path: parseRemotePath(source) },
    destination: { remoteId: to?.id ?? '', path: parseRemotePath(destination) },
  };
}

export function copy(
  remotes: EngineRemote[],
  source: string,
  destination: string,
  options: TransferOptions = {},
  seen: Seen = nothingSeen(),
  onProgress: (progress: TransferProgress) => void = () => {},
): Promise<TransferResult> {
  const operation = { kind: 'copy' as const, ...ends(remotes, source, destination), options };
  return transfer(remotes, operation, seen, { onProgress });
}

/** Nothing is protected. */
export const freely: DeleteProtection = { allowMassDelete: true, mostDeletes: 0, mostDeletesPercent: 0 };

export async function failure(work: Promise<unknown>): Promise<TransferError> {
  const outcome: unknown = await work.catch((error: unknown) => error);
  if (outcome instanceof TransferError) return outcome;
  throw new Error('expected a TransferError', { cause: outcome });
}

/** A copy that has written its first bytes and would go on for half a minute. */
export async function slowCopy(): Promise<{ seen: Seen; to: EngineRemote; end: Promise<TransferError> }> {
  const { from, to, remotes } = await twoRemotes();
  await writeFile(join(from.root, 'slow'), randomBytes(30 * MiB));
  const seen: Seen = { progress: [], log: [], abort: new AbortController() };
  const events = new EventEmitter();
  const moving = once(events, 'bytes');
  const copying = copy(remotes, '/', '/', { bandwidthLimit: MiB }, seen, ({ bytes }) => {
    if (bytes > 0) events.emit('bytes');
  });
  const end = failure(copying);
  await moving;
  return { seen, to, end };
}

export const noneRuns = () =>
  vi.waitFor(async () => expect(await children(process.pid)).toEqual([]), { timeout: 60_000, interval: 20 });
