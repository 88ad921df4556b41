import { z } from 'zod';
import { uuid } from '../../../kernel/http/index.js';
import { CONTROL_CHARACTER } from '../remote-path.js';
import { remotePath } from '../remotes.schema.js';
import { BACKUP_STAMP } from '../backups/backup-stamp.js';

/** What the payloads of file jobs are made of. Strict everywhere: what is not named here is refused. */

export const place = z.strictObject({ remoteId: uuid, path: remotePath });
export type PlaceInput = z.output<typeof place>;

const patterns = z
  .array(
    z
      .string()
      .min(1)
      .max(1_000)
      .refine((value) => !/[\r\n]/.test(value), 'must be one line'),
  )
  .max(100);

const filters = {
  include: patterns.optional().describe('rclone filter patterns; only matching files are meant.'),
  exclude: patterns.optional().describe('A matching file is not meant, even when include matches it too.'),
};
const dryRun = z
  .boolean()
  .optional()
  .describe('Write nothing; the result holds the plan of what would be done.');
const allowMassDelete = z
  .boolean()
  .optional()
  .describe('Go on although the source is empty or very many files would be deleted.');
export const bandwidth = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const transfer = {
  ...filters,
  dryRun,
  checksum: z.boolean().optional().describe('Compare by checksum instead of modification time.'),
  bandwidthLimit: bandwidth
    .optional()
    .describe('Bytes per second for the whole job; can be changed while it runs.'),
  transfers: z.number().int().min(1).max(8).optional().describe('Files copied at once.'),
  checkers: z.number().int().min(1).max(16).optional().describe('Files compared at once.'),
};
const verify = z.boolean().optional().describe('Compare both sides when all is done.');

const keep = (what: string) => z.number().int().min(1).max(10_000).optional().describe(what);

const backupName = z
  .string()
  .min(1)
  .max(100)
  .refine((name) => !name.includes('/') && !CONTROL_CHARACTER.test(name), 'must be one name')
  .refine((name) => !/^\.{1,2}$/.test(name.normalize('NFKC')), 'must be a name');

export const copyPayload = z.strictObject({
  source: place,
  destination: place,
  options: z.strictObject({ ...transfer, verify }).optional(),
});
export type CopyPayload = z.output<typeof copyPayload>;

export const movePayload = z.strictObject({
  source: place,
  destination: place,
  options: z.strictObject(transfer).optional(),
});
export type MovePayload = z.output<typeof movePayload>;

export const syncPayload = z.strictObject({
  source: place,
  destination: place,
  options: z.strictObject({ ...transfer, verify, allowMassDelete }).optional(),
});
export type SyncPayload = z.output<typeof syncPayload>;

export const deletePayload = z.strictObject({
  target: place,
  options: z
    .strictObject({
      ...filters,
      dryRun,
      allowMassDelete: z.boolean().optional().describe('Needed to delete everything below the root.'),
    })
    .optional(),
});
export type DeletePayload = z.output<typeof deletePayload>;

export const backupPayload = z.strictObject({
  source: place,
  destination: place.describe(
    'The folder that backups are kept in; this one gets a folder of its name there.',
  ),
  options: z
    .strictObject({
      ...transfer,
      verify,
      allowMassDelete,
      name: backupName.optional().describe('Of the backup; the name of the source folder when absent.'),
      mirror: z.boolean().optional().describe('What is gone at the source moves from current to versions.'),
      keepLast: keep('Versions to keep, the newest ones.'),
      keepDaily: keep('The last version of each of so many days (UTC).'),
      keepWeekly: keep('The last version of each of so many weeks (ISO, UTC).'),
      keepMonthly: keep('The last version of each of so many months (UTC).'),
    })
    .optional(),
});
export type BackupPayload = z.output<typeof backupPayload>;

export const restorePayload = z.strictObject({
  source: place.describe('The folder of one backup, which holds current and versions.'),
  destination: place,
  version: z
    .union([z.literal('current'), z.string().regex(BACKUP_STAMP)])
    .optional()
    .describe('A version such as 20261121T180000Z; what the last run has left when absent.'),
  options: z.strictObject({ ...transfer, verify }).optional(),
});
export type RestorePayload = z.output<typeof restorePayload>;
