import type { Dirent } from 'node:fs';
import { mkdir, open, opendir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { newId } from '../database/id.js';
import { Counting } from './counting.js';
import {
  checkedKey,
  checkedPrefix,
  FileMissingError,
  FileStore,
  storeUnavailable,
  type ByteRange,
  type StoredFile,
  type WrittenFile,
} from './file-store.js';

/** Of no key: what is being written lies here until it is whole. */
const UNFINISHED = '.unfinished';
/** What is still unfinished after this long was left by a process that died. */
const ABANDONED_MS = 24 * 3_600_000;

/** Files in a folder of this machine. */
export class LocalStore extends FileStore {
  constructor(
    private readonly root: string,
    private readonly now: () => number,
  ) {
    super();
  }

  /** Written beside its place, brought to the disk, then renamed: a rename is all or nothing. */
  async put(key: string, source: AsyncIterable<Uint8Array>): Promise<WrittenFile> {
    const target = this.place(key);
    const draft = path.join(this.root, UNFINISHED, newId());
    const counting = new Counting();
    let file: FileHandle | undefined;
    try {
      await orUnavailable(() => mkdir(path.dirname(draft), { recursive: true, mode: 0o700 }));
      file = await orUnavailable(() => open(draft, 'wx', 0o600));
      const handle = file;
      for await (const chunk of counting.through(source)) await orUnavailable(() => handle.writeFile(chunk));
      await orUnavailable(async () => {
        await handle.sync();
        await handle.close();
        await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
        await rename(draft, target);
        await syncFolder(path.dirname(target));
      });
      return counting.result();
    } catch (error) {
      await file?.close().catch(() => undefined);
      await rm(draft, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    const place = this.place(key);
    const handle = await missing(key, () => open(place, 'r'));
    const { start = 0, end = Infinity } = range ?? {};
    if (end > start) return handle.createReadStream({ start, end: end - 1 });
    await handle.close();
    return Readable.from([]);
  }

  async stat(key: string): Promise<StoredFile | null> {
    const place = this.place(key);
    try {
      const { size, mtime } = await missing(key, () => stat(place));
      return { key, bytes: size, modifiedAt: mtime };
    } catch (error) {
      if (error instanceof FileMissingError) return null;
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    const place = this.place(key);
    await orUnavailable(() => rm(place, { force: true }));
  }

  async *list(prefix: string): AsyncIterable<StoredFile> {
    const folder = path.join(this.root, checkedPrefix(prefix));
    for await (const entry of entriesOf(folder)) {
      const key = path.posix.join(prefix, entry.name);
      if (entry.isDirectory()) yield* this.list(`${key}/`);
      else if (entry.isFile()) {
        const file = await this.stat(key);
        if (file) yield file;
      }
    }
  }

  async check(): Promise<void> {
    await this.put('check/probe', onePiece(Buffer.from('ok')));
    await this.delete('check/probe');
    await this.sweep();
  }

  /** Removes what died while it was written. */
  private async sweep(): Promise<void> {
    const folder = path.join(this.root, UNFINISHED);
    for await (const { name } of entriesOf(folder)) {
      const draft = path.join(folder, name);
      const { mtimeMs } = await stat(draft).catch(() => ({ mtimeMs: Infinity }));
      if (mtimeMs < this.now() - ABANDONED_MS) await rm(draft, { force: true });
    }
  }

  private place(key: string): string {
    return path.join(this.root, ...checkedKey(key).split('/'));
  }
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* entriesOf(folder: string): AsyncIterable<Dirent> {
  try {
    yield* await opendir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw storeUnavailable(error);
  }
}

/** Without it a power cut may forget the new name although the file itself is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null); // a platform without it
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw storeUnavailable(error);
  }
}

async function missing<T>(key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOENT' || code === 'ENOTDIR' ? new FileMissingError(key) : storeUnavailable(error);
  }
}
