import { stat as localStat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT, type RemotePath, displayPath } from '../../remote-path.js';
import type { RemoteType } from '../../types/remote-types.js';
import { isRecord } from '../progress.js';
import { isMissing } from '../rc-files.js';
import { RcConnectionError, RcError } from '../rc-client.js';
import { translate, translated } from '../translated.js';
import { type ByteRange, type EngineRemote, type FileEntry, TransferError } from '../transfer-engine.js';
import { move } from './changing.js';
import { contentStream } from './content-stream.js';
import { type Desk, type Session, noFile } from './desk.js';
import type { Leftovers } from './leftovers.js';
import { statIn } from './looking.js';
import type { Offer, UploadDesk } from './upload-desk.js';

/** What has no file at a name before it is complete, whatever happens to who sends it. */
const WHOLE_OR_NOTHING: ReadonlySet<RemoteType> = new Set([
  's3',
  'b2',
  'azureblob',
  'gcs',
  'drive',
  'dropbox',
  'onedrive',
]);
/** rclone may take so long to write one file. */
const WRITE_LIMIT_MS = 47 * 3600 * 1000;
/** How long rclone may take to clean up behind a writing that was broken off. */
const BREAK_OFF_LIMIT_MS = 10_000;
const MOST_MOVES = 4;

/** Files' contents, in and out, as streams: no more of them than some buffers is ever in memory. */
export class Contents {
  constructor(
    private readonly desk: Desk,
    private readonly uploads: UploadDesk,
    private readonly leftovers: Leftovers,
  ) {}

  async read(remote: EngineRemote, path: RemotePath, range: ByteRange | null): Promise<Readable> {
    return translated([remote], undefined, async () => {
      const { real } = await this.desk.locate(remote, path);
      // rclone would wait for a writer of a pipe.
      if (path === ROOT || (real !== null && !(await isFile(real)))) throw noFile(path);
      const headers: Record<string, string> =
        range === null ? {} : { range: `bytes=${range.from}-${range.to}` };
      for (let attempt = 1; ; attempt++) {
        const hold = await this.desk.enter(remote);
        const { process } = hold;
        try {
          const response = await process.read(this.desk.session(process).fs, path, headers);
          return contentStream(response, () => void this.desk.leave(hold));
        } catch (error) {
          const broken = error instanceof RcConnectionError;
          await this.desk.leave(hold, broken);
          if (isMissing(error) || isFolder(error)) throw noFile(path, error);
          if (!broken || attempt > 1 || (await process.hasEnded()) === null) throw error;
        }
      }
    });
  }

  async write(
    remote: EngineRemote,
    path: RemotePath,
    content: Readable,
    signal: AbortSignal,
    size: number | null,
  ): Promise<FileEntry> {
    const aborted = (): void => void content.destroy(new Error('It was cancelled.'));
    signal.addEventListener('abort', aborted, { once: true });
    // From now on its failure is ours to tell.
    content.on('error', () => {});
    try {
      return await translated([remote], signal, async () => {
        signal.throwIfAborted();
        await this.refuseFolder(remote, path);
        const offer = await this.offer(content, size, signal);
        const place = isWholeOrNothing(remote) ? path : this.leftovers.nameFor(path);
        try {
          await this.fetch(remote, place, offer, signal);
          if (place !== path)
            await this.desk.change(remote, path, (session) => moveOver(session, place, path));
        } catch (error) {
          if (place !== path) await this.leftovers.remove(remote, place);
          throw signal.aborted
            ? new TransferError('cancelled', 'It was cancelled.', { cause: error })
            : error;
        } finally {
          offer.withdraw(new Error('It is over.'));
        }
        const written = await this.desk.look(remote, path, (session) => statIn(session, path));
        if (written === null) throw new TransferError('temporary', 'The file is not there after writing it.');
        return written;
      });
    } finally {
      signal.removeEventListener('abort', aborted);
      content.destroy();
    }
  }

  private refuseFolder(remote: EngineRemote, path: RemotePath): Promise<void> {
    return this.desk.look(remote, path, async (session) => {
      const folder = path === ROOT || (await statIn(session, path))?.isDir === true;
      if (folder) throw new TransferError('exists', `There is a folder at ${displayPath(path)}.`);
    });
  }

  private async offer(content: Readable, size: number | null, signal: AbortSignal): Promise<Offer> {
    try {
      return await this.uploads.offer(content, size);
    } catch (cause) {
      if (signal.aborted) throw new TransferError('cancelled', 'It was cancelled.', { cause });
      throw brokenOff(cause);
    }
  }

  /** Has rclone fetch the content and write it. When this throws, rclone writes no more. */
  private async fetch(
    remote: EngineRemote,
    path: RemotePath,
    offer: Offer,
    signal: AbortSignal,
  ): Promise<void> {
    await this.desk.locate(remote, path);
    const hold = await this.desk.enter(remote);
    const session = this.desk.session(hold.process);
    const { call, fs } = session;
    const over = new AbortController();
    let ended = false;
    try {
      if (offer.size === null) await refuseWithoutSize(session);
      const parameters = { fs, remote: path, url: offer.url, autoFilename: false };
      const writing = call('operations/copyurl', parameters, { timeoutMs: WRITE_LIMIT_MS, alone: true });
      writing.catch(() => {});
      await Promise.race([writing, tooLateAfter(signal, over.signal)]);
      ended = true;
    } catch (error) {
      ended = error instanceof RcError || error instanceof TransferError;
      // Its failure is the reason for that of rclone, whatever rclone calls it.
      if (error instanceof TransferError) throw error;
      if (offer.failure() !== null) throw brokenOff(offer.failure());
      throw translate([remote], signal, error);
    } finally {
      over.abort();
      if (!ended) await hold.process.kill();
      await this.desk.leave(hold, !ended);
    }
  }
}

/**
 * Some far sides begin to write only when they know how much comes. For those rclone would collect all of it on the
 * server's own disk first, and leave it there when it is killed.
 */
async function refuseWithoutSize({ call, fs }: Session): Promise<void> {
  const { Features: features } = await call('operations/fsinfo', { fs });
  if (isRecord(features) && features['PutStream'] === true) return;
  throw new TransferError(
    'not_supported',
    'This remote has to be told the size of a file before its content.',
  );
}

/**
 * rclone removes what is at `to` before it moves, so that one of two who do this at the same moment finds nothing to
 * remove, or something in its way. As long as what is to be moved is there it can be done again.
 */
async function moveOver(session: Session, from: RemotePath, to: RemotePath): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await move(session, from, to);
      return;
    } catch (error) {
      const again = error instanceof RcError && attempt < MOST_MOVES;
      if (!again || (await statIn(session, from)) === null) throw error;
    }
}

/** Rejects when the signal was aborted and rclone has had time to see that the content is cut off. */
async function tooLateAfter(signal: AbortSignal, over: AbortSignal): Promise<never> {
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else {
      signal.addEventListener('abort', () => resolve(), { once: true, signal: over });
    }
  });
  await delay(BREAK_OFF_LIMIT_MS, undefined, { signal: over, ref: false });
  throw new Error('rclone did not stop in time.');
}

const isWholeOrNothing = ({ type, parts }: EngineRemote): boolean =>
  parts.length === 0 ? WHOLE_OR_NOTHING.has(type) : parts.every(({ remote }) => isWholeOrNothing(remote));

const isFolder = (error: unknown): boolean =>
  error instanceof RcError && /is a directory not a file/.test(error.message);

const brokenOff = (cause: unknown): TransferError =>
  new TransferError('temporary', 'The content broke off before its end.', { cause });

async function isFile(place: string): Promise<boolean> {
  const found = await localStat(place).catch(() => null);
  return found === null || found.isFile();
}
