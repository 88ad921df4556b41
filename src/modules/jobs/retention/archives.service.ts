import { Injectable } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import { ArchiveFiles, type ArchiveLine } from './archive-files.js';
import { ArchivesRepository, type Archive } from './archives.repository.js';

/** Archives for whoever runs the installation. */
@Injectable()
export class ArchivesService {
  constructor(
    private readonly database: Database,
    private readonly archives: ArchivesRepository,
    private readonly files: ArchiveFiles,
  ) {}

  async list(): Promise<Archive[]> {
    return this.archives.list(this.database.system('archives').read);
  }

  async find(id: string): Promise<Archive | null> {
    return this.archives.find(this.database.system('archives').read, id);
  }

  /** Throws when the file is not what was archived, or gone. */
  async verify(archive: Archive): Promise<void> {
    await this.files.verify(archive);
  }

  lines(archive: Archive): AsyncIterable<ArchiveLine> {
    return this.files.lines(archive);
  }
}
