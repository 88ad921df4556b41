import { ArchiveFiles } from './archive-files.js';
import { Archiver } from './archiver.js';
import { ArchivesAccount } from './archives.account.js';
import { ArchivesRepository } from './archives.repository.js';
import { ArchivesService } from './archives.service.js';
import { CleanupJob } from './cleanup.job.js';
import { JobLogRetention } from './job-log-retention.js';
import { JobRetention } from './job-retention.js';
import { OldJobsRepository } from './old-jobs.repository.js';
import { RewriteArchivesJob } from './rewrite-archives.job.js';

/** Lines before jobs: what a line refers to goes last. */
export const RETENTION_PROVIDERS = [
  JobLogRetention,
  JobRetention,
  OldJobsRepository,
  Archiver,
  ArchiveFiles,
  ArchivesAccount,
  ArchivesRepository,
  ArchivesService,
  CleanupJob,
  RewriteArchivesJob,
];
