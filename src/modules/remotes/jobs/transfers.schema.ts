import { z } from 'zod';
import { uuid } from '../../../kernel/http/index.js';
import { bandwidth } from './file-job.schema.js';

export const transferChangesBody = z.strictObject({
  bandwidthLimit: bandwidth.nullable().describe('Bytes per second; null: as fast as it goes.'),
});
export type TransferChangesBody = z.output<typeof transferChangesBody>;

export const transferView = z
  .object({ jobId: uuid, bandwidthLimit: z.number().int().nullable() })
  .meta({ id: 'Transfer' });
export type TransferView = z.output<typeof transferView>;
