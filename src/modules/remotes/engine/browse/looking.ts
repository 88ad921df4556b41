import { stat as localStat } from 'node:fs/promises';
import { ROOT, type RemotePath } from '../../remote-path.js';
import { causeOf } from '../causes.js';
import { isRecord } from '../progress.js';
import { RcError } from '../rc-client.js';
import { isMissing, listed, rootEntry, toFileEntry } from '../rc-files.js';
import { PARTIAL_FILE } from '../rc-options.js';
import { translated } from '../translated.js';
import {
  type EngineRemote,
  type FileEntry,
  FileNotFound,
  type RemoteFeatures,
  TransferError,
  type Usage,
} from '../transfer-engine.js';
import { ANSWER_LIMIT_MS, type Desk, type Session, noFolder } from './desk.js';
import type { Leftovers } from './leftovers.js';

/** A person waits for the word whether a remote works. */
const PROBE_LIMIT_MS = 10_000;
/** How rclone says that a remote keeps no modification times: a precision of a hundred years. */
const NO_PRECISION_NS = 100 * 365 * 24 * 3600 * 1e9;

/** The operations that change nothing. */
export class Looking {
  constructor(
    private readonly desk: Desk,
    private readonly leftovers: Leftovers,
  ) {}

  async probe(remote: EngineRemote): Promise<void> {
    try {
      await this.folder(remote, ROOT, PROBE_LIMIT_MS);
    } catch (cause) {
      if (!(cause instanceof FileNotFound)) throw cause;
      throw new TransferError('not_found', 'The folder of this remote is not there.', { cause });
    }
  }

  list(remote: EngineRemote, path: RemotePath): Promise<FileEntry[]> {
    return this.folder(remote, path, ANSWER_LIMIT_MS);
  }

  stat(remote: EngineRemote, path: RemotePath): Promise<FileEntry | null> {
    // The only question that the disk answers by itself, so that local remotes can be checked without rclone.
    if (path === ROOT && remote.type === 'local')
      return translated([remote], undefined, async () => {
        const { real } = await this.desk.locate(remote, path);
        return real === null ? null : rootEntry(real);
      });
    return this.desk.look(remote, path, async (session, { real }) => {
      if (path !== ROOT) return statIn(session, path);
      if (real !== null) return rootEntry(real);
      return (await isThere(session)) ? rootElsewhere() : null;
    });
  }

  usage(remote: EngineRemote): Promise<Usage> {
    return this.desk.look(remote, ROOT, async ({ call, fs }) => {
      try {
        const { total, used, free } = await call('operations/about', { fs });
        return { total: bytes(total), used: bytes(used), free: bytes(free) };
      } catch (error) {
        if (!(error instanceof RcError) || causeOf(error.message) !== 'not_supported') throw error;
        return { total: null, used: null, free: null };
      }
    });
  }

  features(remote: EngineRemote): Promise<RemoteFeatures> {
    return this.desk.look(remote, ROOT, async ({ call, fs }) => {
      const {
        Features: features,
        Hashes: hashes,
        Precision: precision,
      } = await call('operations/fsinfo', { fs });
      const has = (name: string): boolean => isRecord(features) && features[name] === true;
      return {
        caseInsensitive: has('CaseInsensitive'),
        hashes: Array.isArray(hashes) ? hashes.filter((hash) => typeof hash === 'string') : [],
        canMove: has('Move'),
        canCopy: has('Copy'),
        keepsModificationTime: typeof precision === 'number' && precision < NO_PRECISION_NS,
      };
    });
  }

  private folder(remote: EngineRemote, path: RemotePath, limitMs: number): Promise<FileEntry[]> {
    const ends = performance.now() + limitMs;
    return this.desk.look(remote, path, async (session, { real }) => {
      const { call, fs } = session;
      // rclone opens what it lists: a named pipe would keep its process busy until the call is given up.
      if (real !== null && (await isNoFolder(real))) throw noFolder(path);
      try {
        const entries = await listed(call, fs, path, { timeoutMs: Math.max(1, ends - performance.now()) });
        // Some far sides say of a file what they say of an empty folder.
        const isEmpty = entries.length === 0 && path !== ROOT && real === null;
        if (isEmpty && (await statIn(session, path))?.isDir === false) throw noFolder(path);
        this.leftovers.seen(remote, entries);
        return entries.filter(({ name }) => !PARTIAL_FILE.test(name));
      } catch (error) {
        if (!isMissing(error) && !isFile(error)) throw error;
        throw noFolder(path, error);
      }
    });
  }
}

/** The file or folder at `path`, which is not the root; null if there is none. */
export async function statIn({ call, fs }: Session, path: RemotePath): Promise<FileEntry | null> {
  try {
    return toFileEntry((await call('operations/stat', { fs, remote: path }))['item']);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

const isFile = (error: unknown): boolean =>
  error instanceof RcError && error.message.endsWith('is a file not a directory');

/** rclone says of every root that it is there; only looking into it tells. */
async function isThere({ call, fs }: Session): Promise<boolean> {
  try {
    await listed(call, fs, ROOT);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

const rootElsewhere = (): FileEntry => ({
  name: '',
  path: ROOT,
  size: null,
  isDir: true,
  modifiedAt: new Date(0).toISOString(),
});

const bytes = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;

/** Whether something else than a folder is there. What is missing or unreadable is left for rclone to tell. */
async function isNoFolder(place: string): Promise<boolean> {
  const found = await localStat(place).catch(() => null);
  return found !== null && !found.isDirectory();
}
