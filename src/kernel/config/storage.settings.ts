import path from 'node:path';
import { z } from 'zod';
import { flag, optionalText, text, url, wholeNumber, type SettingDefinition } from './setting.js';

/** Where data lives and what works on it. */
export const STORAGE_SETTINGS = {
  databaseUrl: {
    env: 'DATABASE_URL',
    help: 'PostgreSQL to use (15 or newer). When absent an embedded PostgreSQL is started under the data directory.',
    schema: url('postgres:', 'postgresql:'),
    example: 'postgres://steward:password@localhost:5432/steward',
    secret: true,
  },
  databaseMigrationUrl: {
    env: 'DATABASE_MIGRATION_URL',
    help: 'The same database for the user who owns the tables, for migrations only; DATABASE_URL is then a user without rights of its own. When absent Steward makes itself such a user where it may.',
    schema: url('postgres:', 'postgresql:'),
    example: 'postgres://steward_owner:password@localhost:5432/steward',
    secret: true,
  },
  databasePoolSize: {
    env: 'DATABASE_POOL_SIZE',
    help: 'Database connections of one process for its queries. The queue on PostgreSQL needs up to 10 more.',
    schema: wholeNumber(10, 2, 200),
    example: '10',
  },
  redisUrl: {
    env: 'REDIS_URL',
    help: 'Redis for the queue and live events (maxmemory-policy noeviction). When absent PostgreSQL does its work.',
    schema: url('redis:', 'rediss:'),
    example: 'redis://localhost:6379',
    secret: true,
  },
  storeWaitSeconds: {
    env: 'STEWARD_STORE_WAIT_SECONDS',
    help: 'How long a start waits for a PostgreSQL or Redis that does not answer yet, before it gives up. 0: not at all.',
    schema: wholeNumber(60, 0, 3600),
    example: '60',
  },
  dataDir: {
    env: 'STEWARD_DATA_DIR',
    help: 'Folder for the embedded database, generated secrets and the default file root.',
    schema: text('./data').transform((value) => path.resolve(value)),
    example: './data',
  },
  localRoots: {
    env: 'STEWARD_LOCAL_ROOTS',
    help: 'Comma-separated folders that local remotes may live in. When absent: the folder files under the data directory.',
    schema: optionalText().transform((value) =>
      value === undefined
        ? undefined
        : value
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== '')
            .map((part) => path.resolve(part)),
    ),
    example: '/srv/files,/mnt/archive',
  },
  uploadLimitMb: {
    env: 'STEWARD_UPLOAD_LIMIT_MB',
    help: 'The largest file that may be uploaded over the API, in MB.',
    schema: wholeNumber(10_000, 1, 10_000_000),
    example: '10000',
  },
  rclonePath: {
    env: 'RCLONE_PATH',
    help: 'The rclone program. When absent it is looked up on PATH.',
    schema: optionalText(),
    example: '/usr/bin/rclone',
  },
  demo: {
    env: 'STEWARD_DEMO',
    help: 'Put demo data into an empty database. Default: true outside production; true is refused in production.',
    schema: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
    example: 'true',
  },
  installPackages: {
    env: 'STEWARD_INSTALL_PACKAGES',
    help: '`npm run up` may install rclone through the system package manager.',
    schema: flag(true),
    example: 'true',
  },
  fileJobs: {
    env: 'STEWARD_FILE_JOBS',
    help: 'File jobs that run at the same time, over all processes. Others wait.',
    schema: wholeNumber(20, 1, 1_000),
    example: '20',
  },
  fileJobsPerRemote: {
    env: 'STEWARD_FILE_JOBS_PER_REMOTE',
    help: 'File jobs that read or write one remote at the same time.',
    schema: wholeNumber(4, 1, 1_000),
    example: '4',
  },
  fileJobsPerUser: {
    env: 'STEWARD_FILE_JOBS_PER_USER',
    help: 'File jobs of one user that run at the same time.',
    schema: wholeNumber(8, 1, 1_000),
    example: '8',
  },
  workerConcurrency: {
    env: 'STEWARD_WORKER_CONCURRENCY',
    help: 'Job handlers one process runs at the same time, per queue.',
    schema: wholeNumber(10, 1, 500),
    example: '10',
  },
} as const satisfies Record<string, SettingDefinition>;
