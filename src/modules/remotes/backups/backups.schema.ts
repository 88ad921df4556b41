import { z } from 'zod';
import { instantOut, uuid } from '../../../kernel/http/index.js';
import { remotePath } from '../remotes.schema.js';

export const backupsQuery = z.strictObject({
  path: remotePath.optional().describe('The folder that holds backups, or one backup; the root when absent.'),
});
export type BackupsQuery = z.output<typeof backupsQuery>;

export const versionView = z
  .object({
    version: z.string().describe('For the job type restore.'),
    createdAt: instantOut,
    jobId: uuid,
    files: z.number().int(),
    bytes: z.number().int(),
  })
  .meta({ id: 'BackupVersion' });

export const backupView = z
  .object({
    name: z.string(),
    path: z.string().describe('The source of the job type restore.'),
    versions: z.array(versionView).describe('The newest first.'),
  })
  .meta({ id: 'Backup' });
export type BackupView = z.output<typeof backupView>;

export const backupList = z.object({ items: z.array(backupView) });
export type BackupList = z.output<typeof backupList>;
