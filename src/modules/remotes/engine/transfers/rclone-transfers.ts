import { displayPath, parseRemotePath, baseName } from '../../remote-path.js';
import type { Located, Locator } from '../locator.js';
import { makeKnown } from '../make-known.js';
import { entriesOf, isMissing } from '../rc-files.js';
import { TransferLog } from '../rc-log.js';
import { type RcFilter, rcBandwidth, rcConfig, rcFilter } from '../rc-options.js';
import type { RcloneLauncher } from '../rclone-launcher.js';
import type { RcloneProcess } from '../rclone-process.js';
import { Redactor } from '../redactor.js';
import { type OnToken, TokenWatch } from '../token-watch.js';
import { translated } from '../translated.js';
import {
  type EngineRemote,
  TransferError,
  type TransferObserver,
  type TransferOperation,
  type TransferOptions,
  type TransferResult,
} from '../transfer-engine.js';
import { Attempt } from './attempt.js';
import { Copying, announcement } from './copying.js';
import { Deleting } from './deleting.js';
import { losesFolders } from './in-the-way.js';
import { knock } from './knock.js';
import { findEnds, refuseVersionsInTheWay, thingAt } from './places.js';
import { featuresOf } from './verification.js';
import { freeVersionsFolder } from './versions-folder.js';

/** How long rclone remembers what a call answered, which it does for every one: long enough to be asked again. */
const JOB_EXPIRY = '2m';
/** Of some services a renewed token ends the old one, so it must not die with the process that got it. */
const LOOK_FOR_TOKENS_MS = 30_000;

/** The operations of `TransferEngine.transfer`, each in a process of its own. */
export class RcloneTransfers {
  constructor(
    private readonly launcher: RcloneLauncher,
    private readonly locator: Locator,
    /** How long rclone may take to stop a cancelled transfer by itself before it is killed. */
    private readonly stopLimitMs: number,
    private readonly onToken: OnToken,
  ) {}

  async transfer(
    remotes: readonly EngineRemote[],
    operation: TransferOperation,
    observer: TransferObserver,
  ): Promise<TransferResult> {
    return translated(remotes, observer.signal, async () => {
      observer.signal.throwIfAborted();
      refuseBadOptions(operation.options);
      const places = await this.locateAll(remotes, operation);
      const command = await this.launcher.command();
      const redactor = new Redactor(remotes);
      const log = new TransferLog((message) => redactor.text(message));
      const process = await this.launcher.launch(command, {
        jobExpiry: JOB_EXPIRY,
        onLine: (line) => log.add(line),
      });
      const { stopLimitMs } = this;
      const task = { operation, observer, stopLimitMs, rcloneVersion: command.version };
      const attempt = new Attempt(process, log, task);
      // Until something is written there is nothing to wait for: no far side may hold up the end.
      const whenAborted = (): void => {
        if (!attempt.jobs.isChanging) void process.kill();
      };
      let looking: NodeJS.Timeout | undefined;
      observer.signal.addEventListener('abort', whenAborted, { once: true });
      try {
        const used = places.map(({ remote }) => remote);
        const names = await makeKnown(process, used);
        await knock((method, parameters) => attempt.jobs.call(method, parameters), used, names);
        const tokens = new TokenWatch(process, used, this.onToken);
        attempt.beforeEnd = () => tokens.check();
        looking = setInterval(() => void tokens.check(), LOOK_FOR_TOKENS_MS);
        await attempt.begin();
        const done = await this.carryOut(attempt, names, places);
        const result = await attempt.finish();
        observer.onLog('info', done ? summary(operation, result) : 'Done by an earlier attempt already');
        return result;
      } catch (error) {
        throw await attempt.explain(error);
      } finally {
        clearInterval(looking);
        observer.signal.removeEventListener('abort', whenAborted);
        await process.kill();
      }
    });
  }

  /** Target, or source, destination and versions, in this order. */
  private async locateAll(
    remotes: readonly EngineRemote[],
    operation: TransferOperation,
  ): Promise<Located[]> {
    const { kind } = operation;
    const wanted =
      kind === 'delete'
        ? [operation.target]
        : [
            operation.source,
            operation.destination,
            ...(kind === 'backup'
              ? [{ remoteId: operation.destination.remoteId, path: operation.versions }]
              : []),
          ];
    return Promise.all(wanted.map((place) => this.locator.locate(remotes, place)));
  }

  /** False: an earlier attempt has done it, and nothing was left to do. */
  private async carryOut(
    attempt: Attempt,
    names: ReadonlyMap<string, string>,
    places: readonly Located[],
  ): Promise<boolean> {
    const { operation } = attempt.task;
    if (operation.kind === 'delete') return this.delete(attempt, names, places);
    const { process, task } = attempt;
    const [from, to, versions] = places;
    if (from === undefined || to === undefined) throw new TransferError('fatal', 'A place is missing.');
    if (versions !== undefined) await refuseVersionsInTheWay(this.locator, versions, [from, to]);
    const { signal } = task.observer;
    const ends = await findEnds(process, this.locator, names, { from, to, signal });
    if (ends.is === null) {
      const moved = operation.kind === 'move' && task.observer.isRepeated && ends.destination.is !== null;
      if (moved) return false;
      throw new TransferError('not_found', `There is nothing at ${displayPath(from.path)}.`);
    }
    attempt.say(announcement(operation, ends.is));
    if (ends.is === 'file') attempt.counts.replacesOne = ends.destination.is === 'file';
    const backupDir = versions === undefined ? null : await this.versionsFolder(attempt, names, versions);
    const fsOfBoth = [ends.source.fs, ends.destination.fs];
    const filter = await this.filterFor(attempt, fsOfBoth);
    const sameRemote = from.remote.id === to.remote.id;
    const how = { backupDir, filter, sameRemote, losesFolders: losesFolders(to.remote) };
    await new Copying(attempt, operation, ends, how).run();
    return true;
  }

  private async delete(
    attempt: Attempt,
    names: ReadonlyMap<string, string>,
    [target]: readonly Located[],
  ): Promise<boolean> {
    const { operation, observer } = attempt.task;
    if (operation.kind !== 'delete' || target === undefined) return false;
    const fs = names.get(target.remote.id) ?? '';
    const is = await thingAt(attempt.process, target, fs);
    if (is === null) {
      if (observer.isRepeated) return false;
      throw new TransferError('not_found', `There is nothing at ${displayPath(target.path)}.`);
    }
    attempt.say(announcement(operation, is));
    const filter = await this.filterFor(attempt, [fs]);
    await new Deleting(attempt, operation, { fs, path: target.path, is }, filter).run();
    return true;
  }

  /** A name that is hidden is hidden in every form that is the same place there. */
  private async filterFor(attempt: Attempt, all: readonly string[]): Promise<RcFilter> {
    const { options } = attempt.task.operation;
    if ((options.hidden ?? []).length === 0) return rcFilter(options);
    const features = await Promise.all(
      all.map((fs) => featuresOf((...call) => attempt.jobs.call(...call), fs)),
    );
    return rcFilter(options, { ignoreCase: features.some(({ ignoresCase }) => ignoresCase) });
  }

  private async versionsFolder(
    attempt: Attempt,
    names: ReadonlyMap<string, string>,
    { remote, path }: Located,
  ): Promise<string> {
    const fs = names.get(remote.id) ?? '';
    const parent = parseRemotePath(path.slice(0, path.length - baseName(path).length));
    const siblings = await namesIn(attempt.process, fs, parent);
    const folder = freeVersionsFolder(path, siblings);
    if (folder !== path) attempt.say(`Versions go to ${displayPath(folder)}: an earlier attempt left some`);
    return fs + folder;
  }
}

async function namesIn(
  process: RcloneProcess,
  fs: string,
  folder: Parameters<typeof entriesOf>[2],
): Promise<ReadonlySet<string>> {
  try {
    return new Set((await entriesOf(process, fs, folder)).map(({ name }) => name));
  } catch (error) {
    if (isMissing(error)) return new Set();
    throw error;
  }
}

/** Before a process is started for them. */
function refuseBadOptions(options: TransferOptions): void {
  rcConfig(options);
  rcFilter(options);
  if (options.bandwidthLimit !== undefined) rcBandwidth(options.bandwidthLimit);
}

function summary(operation: TransferOperation, { files, bytes }: TransferResult): string {
  const written = files.created + files.updated;
  const parts =
    operation.kind === 'delete'
      ? [`${written + files.deleted} ${files.deleted === 1 ? 'file' : 'files'} deleted`]
      : [`${written} ${written === 1 ? 'file' : 'files'}`, `${bytes} bytes`];
  if (operation.kind !== 'delete' && files.deleted > 0) parts.push(`${files.deleted} deleted`);
  return `Done: ${parts.join(', ')}`;
}
