import { Injectable } from '@nestjs/common';
import { Database, newId, refusesData, refusesErasedOwner } from '../../../kernel/database/index.js';
import { ArchiveFiles, type ArchiveLine } from './archive-files.js';
import { ArchivesRepository, type Archive, type ArchiveKind } from './archives.repository.js';

/** People may be erased while their rows are being archived; then it begins again without them. */
const TRIES = 5;
const KEYS_AT_ONCE = 500;

export interface ArchiveOrder {
  readonly kind: ArchiveKind;
  readonly period: string;
  readonly endedBefore: Date;
  /** Asked again for each attempt. */
  lines(): AsyncIterable<ArchiveLine>;
}

export type NewArchive = Omit<Archive, 'removedAt' | 'createdAt'>;

/**
 * Archives rows: first a file that was read back and found whole, then its row in `archives`, and only then may
 * anybody remove them (S2-41). A crash before the row leaves a file that nothing names, which `sweep` removes; a
 * crash after it leaves an archive whose rows are still to be removed. Two who archive the same part at the same time
 * write two files, and one of them gets the row.
 */
@Injectable()
export class Archiver {
  constructor(
    private readonly database: Database,
    private readonly files: ArchiveFiles,
    private readonly archives: ArchivesRepository,
  ) {}

  /** Null when there is nothing to archive. */
  async archive(order: ArchiveOrder, signal: AbortSignal): Promise<NewArchive | null> {
    for (let tries = 1; ; tries++) {
      const lines = order.lines()[Symbol.asyncIterator]();
      const first = await lines.next();
      if (first.done === true) return null;
      try {
        return await this.attempt(order, withFirst(first.value, lines), signal);
      } catch (error) {
        if (!refusesErasedOwner(error) || tries === TRIES) throw error;
      }
    }
  }

  /** What an earlier run has archived of a month and did not get to remove: it must not be archived again. */
  async unfinished(kind: ArchiveKind, period: string): Promise<Archive[]> {
    return this.archives.unfinished(this.database.system('retention').read, kind, period);
  }

  /** What is in the archive has been removed. */
  async finish(id: string): Promise<void> {
    await this.database.system('retention').tx((tx) => this.archives.markRemoved(tx, id));
  }

  /** Removes files that no archive names: of a process that died, or of an archive that was written anew. */
  async sweep(signal: AbortSignal): Promise<number> {
    const { read } = this.database.system('retention');
    // What is younger may be about to get its row.
    const before = await this.archives.yesterday(read);
    let removed = 0;
    let keys: string[] = [];
    const remove = async (): Promise<void> => {
      for (const key of await this.archives.unknownKeys(read, keys)) {
        await this.files.remove(key);
        removed++;
      }
      keys = [];
    };
    for await (const key of this.files.writtenBefore(before)) {
      signal.throwIfAborted();
      if (keys.push(key) === KEYS_AT_ONCE) await remove();
    }
    await remove();
    return removed;
  }

  private async attempt(
    { kind, period, endedBefore }: ArchiveOrder,
    lines: AsyncIterable<ArchiveLine>,
    signal: AbortSignal,
  ): Promise<NewArchive> {
    const scope = this.database.system('retention');
    const part = await this.archives.nextPart(scope.read, kind, period);
    const { people, ...file } = await this.files.write({ kind, period }, lines, signal);
    const archive = { id: newId(), kind, period, part, endedBefore, ...file };
    try {
      await scope.tx((tx) => this.archives.add(tx, archive, people));
    } catch (error) {
      // Only a refusal says for certain that no row names the file.
      if (refusesData(error)) await this.files.remove(file.key);
      throw error;
    }
    return archive;
  }
}

async function* withFirst<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T> {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
