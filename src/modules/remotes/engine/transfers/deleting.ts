import { isHidden } from '../../names/hidden.js';
import { type RemotePath, ROOT, baseName, joinRemotePath, parseRemotePath } from '../../remote-path.js';
import { count, isRecord } from '../progress.js';
import { RcError } from '../rc-client.js';
import { type RcFilter, meansAll, rcConfig } from '../rc-options.js';
import type { TransferOperation } from '../transfer-engine.js';
import type { Attempt } from './attempt.js';
import type { RcPlace } from './places.js';
import { PlanReader } from './plan-reader.js';

/** Deletes a file, or a folder with everything in it that the options mean. */
export class Deleting {
  constructor(
    private readonly attempt: Attempt,
    private readonly operation: Extract<TransferOperation, { kind: 'delete' }>,
    private readonly target: RcPlace & { is: 'file' | 'folder' },
    private readonly filter: RcFilter,
  ) {}

  async run(): Promise<void> {
    const { options } = this.operation;
    if (options.dryRun === true) return this.plan();
    if (this.target.is === 'file') return this.file();
    // rclone tells how many it has deleted, never how many there are.
    const files = await this.precount();
    // A purge obeys no filter; the root of a remote must stay.
    if (meansAll(options) && this.target.path !== ROOT) return this.everything(files);
    await this.attempt.change('operations/delete', this.parameters(), { counted: files });
    // With a list of what to delete, folders are not meant.
    if ((options.include ?? []).length === 0) await this.emptyFolders();
  }

  private async file(): Promise<void> {
    const { fs, path } = this.target;
    const parameters = { fs, remote: path, _config: rcConfig(this.operation.options) };
    await this.attempt.change('operations/deletefile', parameters, { counted: 1 });
  }

  private async everything(files: number): Promise<void> {
    const { fs, path } = this.target;
    const parameters = { fs, remote: path, _config: rcConfig(this.operation.options) };
    // Where the remote does it with one command there is nothing to count.
    await this.attempt.change('operations/purge', parameters, { counted: null });
    this.attempt.uncounted.deleted = files;
  }

  private async plan(): Promise<void> {
    const { attempt, target } = this;
    const reader = new PlanReader('delete');
    if (target.is === 'folder') {
      await attempt.rehearse('operations/delete', this.parameters(), {
        attention: 'all',
        reader: reader.add,
      });
    } else {
      const name = baseName(target.path);
      const parameters = { fs: target.fs, remote: target.path, _config: rcConfig(this.operation.options) };
      await attempt.rehearse('operations/deletefile', parameters, {
        attention: 'all',
        reader: (line) => reader.add(line.object === null ? line : { ...line, object: name }),
      });
    }
    attempt.plan = reader.plan({ allNew: true });
  }

  private async precount(): Promise<number> {
    const { fs, path } = this.target;
    return count(
      (await this.attempt.look('operations/size', { fs: fs + path, _filter: this.filter }))['count'],
    );
  }

  private parameters(): object {
    const { fs, path } = this.target;
    return { fs: fs + path, _config: rcConfig(this.operation.options), _filter: this.filter };
  }

  /**
   * The folders that are empty now. rclone's own command cannot be told what is hidden: with a filter it takes
   * folders of hidden files for empty, without one it removes hidden folders that are.
   */
  private async emptyFolders(): Promise<void> {
    const { fs, path } = this.target;
    if ((this.operation.options.hidden ?? []).length > 0) {
      await this.removeEmpty(path);
      return;
    }
    try {
      const parameters = { fs, remote: path, leaveRoot: path === ROOT };
      await this.attempt.change('operations/rmdirs', parameters, { counted: null });
    } catch (error) {
      if (!(error instanceof RcError)) throw error;
      // A link, which is never followed nor deleted, keeps its folder.
      this.attempt.passOnLog();
    }
  }

  /** Whether nothing is left of the folder. */
  private async removeEmpty(folder: RemotePath): Promise<boolean> {
    const { attempt, operation, target } = this;
    const { list } = await attempt.jobs.run('operations/list', {
      fs: target.fs,
      remote: folder,
      opt: { noModTime: true, noMimeType: true },
    });
    let isEmpty = folder !== ROOT;
    for (const entry of Array.isArray(list) ? list : []) {
      if (!isRecord(entry) || typeof entry['Name'] !== 'string') continue;
      const path = joinRemotePath(folder, entry['Name']);
      const stays = isHidden(operation.options.hidden ?? [], this.below(path));
      const isGone = entry['IsDir'] === true && !stays && (await this.removeEmpty(path));
      if (!isGone) isEmpty = false;
    }
    if (!isEmpty) return false;
    try {
      await attempt.jobs.call('operations/rmdir', { fs: target.fs, remote: folder });
      return true;
    } catch (error) {
      if (error instanceof RcError) return false;
      throw error;
    }
  }

  /** A path relative to the folder that is deleted. */
  private below(path: RemotePath): RemotePath {
    return parseRemotePath(path.slice(this.target.path.length));
  }
}
