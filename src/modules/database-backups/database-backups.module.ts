import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/index.js';
import { JobsModule } from '../jobs/index.js';
import { BackUpDatabaseJob } from './back-up-database.job.js';
import { DatabaseBackups } from './database-backups.js';

@Module({ imports: [AuditModule, JobsModule], providers: [DatabaseBackups, BackUpDatabaseJob] })
export class DatabaseBackupsModule {}
