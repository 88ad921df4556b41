import { ROOT, type RemotePath, displayPath } from '../../remote-path.js';
import { causeOf } from '../causes.js';
import { RcError } from '../rc-client.js';
import { listed } from '../rc-files.js';
import { type EngineRemote, type FileEntry, TransferError } from '../transfer-engine.js';
import { type Desk, type Session, noFile, nothing } from './desk.js';
import { statIn } from './looking.js';

/** The operations that change one file or folder and read no content. */
export class Changing {
  constructor(private readonly desk: Desk) {}

  makeFolder(remote: EngineRemote, path: RemotePath): Promise<void> {
    return this.desk.change(remote, path, async (session) => {
      if (path === ROOT) {
        await session.call('operations/mkdir', { fs: session.fs, remote: path });
        return;
      }
      const there = await statIn(session, path);
      if (there?.isDir === true) return;
      if (there !== null) throw taken(path);
      let problem: unknown = new TransferError(
        'not_supported',
        'This remote has no empty folders: one is there as soon as a file is in it.',
      );
      try {
        await session.call('operations/mkdir', { fs: session.fs, remote: path });
        // Object stores have no folders, only names with slashes in them, and rclone says nothing.
        if ((await statIn(session, path)) !== null) return;
      } catch (error) {
        problem = error;
      }
      const file = await fileAbove(session, path);
      throw file === null ? problem : taken(file);
    });
  }

  remove(remote: EngineRemote, path: RemotePath): Promise<void> {
    return this.desk.change(remote, path, async (session) => {
      if (path === ROOT) throw new TransferError('permission', 'The root of a remote cannot be removed.');
      const { call, fs } = session;
      // Looked at first, because rclone removes a file, too, when it is asked to remove a folder.
      const there = await statIn(session, path);
      if (there === null) throw nothing(path);
      if (!there.isDir) {
        await call('operations/deletefile', { fs, remote: path });
        return;
      }
      // An object store would say nothing and remove nothing.
      if ((await listed(call, fs, path)).length > 0) throw notEmpty(path);
      try {
        await call('operations/rmdir', { fs, remote: path });
      } catch (error) {
        if (error instanceof RcError && causeOf(error.message) === 'exists') throw notEmpty(path);
        throw error;
      }
    });
  }

  rename(remote: EngineRemote, from: RemotePath, to: RemotePath): Promise<void> {
    return this.desk.change(remote, from, async (session) => {
      await this.desk.locate(remote, to);
      const there = from === ROOT ? null : await statIn(session, from);
      if (there === null) throw noFile(from);
      if (there.isDir)
        throw new TransferError('not_supported', 'Only files can be renamed; a folder is moved by a job.');
      const inTheWay = to === ROOT ? there : await statIn(session, to);
      if (inTheWay !== null && !isItself(inTheWay, from, to)) throw taken(to);
      await move(session, from, to);
    });
  }
}

/**
 * Moves a file over whatever file is at `to`. With IgnoreTimes, because rclone otherwise drops the one that is moved
 * when both have one size, and one time or none.
 */
export async function move({ call, fs }: Session, from: RemotePath, to: RemotePath): Promise<void> {
  await call(
    'operations/movefile',
    { srcFs: fs, srcRemote: from, dstFs: fs, dstRemote: to, _config: { IgnoreTimes: true } },
    // A remote that cannot move copies.
    { timeoutMs: MOVE_LIMIT_MS, alone: true },
  );
}
const MOVE_LIMIT_MS = 3_600_000;

/** Where names do not differ by their case, the file is found at its own new name. */
const isItself = ({ path }: FileEntry, from: RemotePath, to: RemotePath): boolean =>
  from !== to && path === from && from.toLowerCase() === to.toLowerCase();

async function fileAbove(session: Session, path: RemotePath): Promise<RemotePath | null> {
  const names = path.split('/');
  for (let depth = 1; depth < names.length; depth++) {
    const above = names.slice(0, depth).join('/') as RemotePath;
    if ((await statIn(session, above))?.isDir === false) return above;
  }
  return null;
}

const taken = (path: RemotePath): TransferError =>
  new TransferError('exists', `There is something at ${displayPath(path)} already.`);
const notEmpty = (path: RemotePath): TransferError =>
  new TransferError('exists', `The folder ${displayPath(path)} is not empty.`);
