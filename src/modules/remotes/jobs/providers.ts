import { BackupsController } from '../backups/backups.controller.js';
import { BackupsService } from '../backups/backups.service.js';
import { PathLocks } from '../locks/path-locks.js';
import { PathLocksRepository } from '../locks/path-locks.repository.js';
import { BackupFilesJob } from './backup-files.job.js';
import { CopyFilesJob } from './copy-files.job.js';
import { DeleteFilesJob } from './delete-files.job.js';
import { FileClaims } from './file-claims.js';
import { FileJobs } from './file-jobs.js';
import { MoveFilesJob } from './move-files.job.js';
import { RestoreFilesJob } from './restore-files.job.js';
import { SyncFilesJob } from './sync-files.job.js';
import { TransferLimits } from './transfer-limits.js';
import { TransfersController } from './transfers.controller.js';
import { TransfersService } from './transfers.service.js';

/** The job types that work on files, and what people ask of them. */
export const FILE_JOB_PROVIDERS = [
  PathLocks,
  PathLocksRepository,
  FileClaims,
  TransferLimits,
  FileJobs,
  CopyFilesJob,
  MoveFilesJob,
  SyncFilesJob,
  DeleteFilesJob,
  BackupFilesJob,
  RestoreFilesJob,
  TransfersService,
  BackupsService,
];
export const FILE_JOB_CONTROLLERS = [TransfersController, BackupsController];
