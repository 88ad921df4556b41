import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { AccountHooks } from '../../users/index.js';
import { JobsCreation } from '../jobs-creation.js';
import { ArchiveFiles, FileMissingError } from './archive-files.js';
import { ArchivesRepository } from './archives.repository.js';
import { rewriteArchives } from './rewrite-archives.job.js';

const ACTOR = { type: 'system', name: 'erasure' } as const;

/**
 * People in archives. Whoever asks for their data gets what the archives have of them; whoever is erased is forgotten
 * here at once, and a job takes their rows out of the files. A file that is being written at that moment cannot get
 * its row in `archives` with them in it: the database refuses it.
 */
@Injectable()
export class ArchivesAccount implements OnModuleInit {
  private readonly log: Log;

  constructor(
    private readonly hooks: AccountHooks,
    private readonly database: Database,
    private readonly archives: ArchivesRepository,
    private readonly files: ArchiveFiles,
    private readonly creation: JobsCreation,
    log: Log,
  ) {
    this.log = log.area('archives');
  }

  onModuleInit(): void {
    this.hooks.register({
      module: 'jobs (archives)',
      erased: (tx, userId) => this.leave(tx, userId),
      exported: (userId) => [{ name: 'archived-jobs', rows: this.rowsOf(userId) }],
    });
  }

  private async leave(tx: Tx, userId: string): Promise<void> {
    if (!(await this.archives.leave(tx, userId))) return;
    await this.creation.create(tx, ACTOR, { type: rewriteArchives.name, payload: {} });
  }

  private async *rowsOf(userId: string): AsyncIterable<object> {
    const { read } = this.database.system('export');
    for (const archive of await this.archives.ofPerson(read, userId))
      try {
        for await (const line of this.files.lines(archive))
          if (line.userId === userId) yield { archive: archive.kind, ...line };
      } catch (error) {
        if (!(error instanceof FileMissingError)) throw error;
        this.log.error({ archive: archive.id, key: archive.key }, 'the file of an archive is gone');
      }
  }
}
