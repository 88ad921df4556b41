import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { Database } from '../../../kernel/database/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../definition/define-job.js';
import { ArchiveFiles, FileMissingError, type ArchiveLine } from './archive-files.js';
import { ArchivesRepository, type Archive } from './archives.repository.js';

/** Whom it is about stands in the database, so that nothing of a person is left in the job (C5). */
const payload = z.strictObject({});

export const rewriteArchives = defineJob({
  name: 'rewrite-archives',
  summary: 'Takes the rows of erased people out of the archives.',
  payload,
  requiredRole: 'system',
  maxRetries: 20,
  timeoutSeconds: 6 * 3600,
  repeats: 'The archive it was at.',
});

/**
 * Writes every archive anew that somebody erased was in, without them. The new file is read back before it takes the
 * place of the old one. A crash leaves one of the two that no archive names, for the next cleanup to remove.
 */
@Injectable()
@HandlesJob(rewriteArchives)
export class RewriteArchivesJob extends JobHandler {
  constructor(
    private readonly database: Database,
    private readonly archives: ArchivesRepository,
    private readonly files: ArchiveFiles,
  ) {
    super();
  }

  override async run(context: JobContext): Promise<object> {
    const { read } = this.database.system('rewrite archives');
    let [rewritten, removed] = [0, 0];
    for (const archive of await this.archives.dueForRewriting(read)) {
      context.signal.throwIfAborted();
      const left = await this.rewrite(archive, context);
      rewritten++;
      removed += archive.rows - left;
    }
    return { archives: rewritten, rows: removed };
  }

  /** Answers how many rows the archive has left. */
  private async rewrite(archive: Archive & { readonly asked: number }, context: JobContext): Promise<number> {
    const scope = this.database.system('rewrite archives');
    const erased = await this.erasedIn(archive, context);
    if (erased === null || erased.size === 0) {
      await scope.tx((tx) => this.archives.replaceFile(tx, archive.id, archive.key, archive, archive.asked));
      return archive.rows;
    }
    const { people: _, ...file } = await this.files.write(
      archive,
      this.without(archive, erased),
      context.signal,
    );
    const replaced = await scope.tx((tx) =>
      this.archives.replaceFile(tx, archive.id, archive.key, file, archive.asked),
    );
    await this.files.remove(replaced ? archive.key : file.key);
    return replaced ? file.rows : archive.rows;
  }

  /** Null when the file is gone: then nothing of anybody is left in it. */
  private async erasedIn(archive: Archive, { log }: JobContext): Promise<Set<string> | null> {
    const people = new Set<string>();
    try {
      for await (const { userId } of this.files.lines(archive)) if (userId !== null) people.add(userId);
    } catch (error) {
      if (!(error instanceof FileMissingError)) throw error;
      log('error', `The file of the archive ${archive.id} is gone.`, { key: archive.key });
      return null;
    }
    const { read } = this.database.system('rewrite archives');
    return new Set(await this.archives.erasedAmong(read, [...people]));
  }

  private async *without(archive: Archive, erased: ReadonlySet<string>): AsyncGenerator<ArchiveLine> {
    for await (const line of this.files.lines(archive))
      if (line.userId === null || !erased.has(line.userId)) yield line;
  }
}
