import { flag, wholeNumber, type SettingDefinition } from './setting.js';

/** How long things are kept that only grow, and what is kept of them afterwards. */
export const RETENTION_SETTINGS = {
  jobDays: {
    env: 'STEWARD_JOB_DAYS',
    help: 'Days that a job is kept after it has ended; it goes with the other jobs of its month, up to 31 days later. 0 keeps them for ever.',
    schema: wholeNumber(365, 0, 36_500),
    example: '365',
  },
  jobLogDays: {
    env: 'STEWARD_JOB_LOG_DAYS',
    help: 'Days that log lines of jobs are kept. 0 keeps them as long as their job.',
    schema: wholeNumber(30, 0, 36_500),
    example: '30',
  },
  eventDays: {
    env: 'STEWARD_EVENT_DAYS',
    help: 'Days that stored events are kept for streams that resume. 0 keeps them for ever.',
    schema: wholeNumber(30, 0, 36_500),
    example: '30',
  },
  backupDays: {
    env: 'STEWARD_BACKUP_DAYS',
    help: 'Days that daily backups of the database are kept in the store. 0 keeps them for ever.',
    schema: wholeNumber(30, 0, 36_500),
    example: '30',
  },
  archiveJobs: {
    env: 'STEWARD_ARCHIVE_JOBS',
    help: 'Write old jobs into compressed files in the store before they are removed.',
    schema: flag(true),
    example: 'true',
  },
  archiveJobLogs: {
    env: 'STEWARD_ARCHIVE_JOB_LOGS',
    help: 'Write log lines of jobs into compressed files in the store before they are removed.',
    schema: flag(false),
    example: 'false',
  },
} as const satisfies Record<string, SettingDefinition>;
