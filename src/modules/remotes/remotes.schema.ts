import { z } from 'zod';
import { instantOut, nameOf, pageOf, pageQuery, uuid } from '../../kernel/http/index.js';
import { RIGHTS } from './permissions/path-rules.js';
import { REMOTE_TYPES } from './types/remote-types.js';
import { InvalidRemotePath, MAX_PATH_BYTES, displayPath, parseRemotePath } from './remote-path.js';

export const REMOTE_STATUSES = ['unknown', 'online', 'offline', 'auth_error'] as const;
export type RemoteStatus = (typeof REMOTE_STATUSES)[number];

/** A path of a client, checked and in the form people see: it begins with a slash and ends in none. */
export const remotePath = z
  .string({ error: 'must be a text' })
  .transform((value, context) => {
    try {
      return displayPath(parseRemotePath(value));
    } catch (error) {
      if (!(error instanceof InvalidRemotePath)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  })
  .meta({ description: 'A file or a folder of the remote; / is its root.', maxLength: MAX_PATH_BYTES });

const remoteName = nameOf(100);

const localRoot = z
  .string({ error: 'must be a text' })
  .min(1)
  .max(MAX_PATH_BYTES)
  .describe('An absolute folder of the server inside STEWARD_LOCAL_ROOTS; made when it does not exist.');

/** One member per type of remote: each knows its own fields and refuses every other. */
export const newRemoteBody = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('local'), name: remoteName, root: localRoot }),
]);
export type NewRemoteBody = z.output<typeof newRemoteBody>;

export const remoteChangesBody = z.strictObject({
  name: remoteName.optional(),
  root: localRoot.optional(),
});
export type RemoteChangesBody = z.output<typeof remoteChangesBody>;

export const remotesQuery = z.strictObject(pageQuery);
export type RemotesQuery = z.output<typeof remotesQuery>;

export const remoteView = z
  .object({
    id: uuid,
    name: z.string(),
    type: z.enum(REMOTE_TYPES),
    root: z.string().nullable().describe('Null for who may not see folders of the server.'),
    status: z.enum(REMOTE_STATUSES),
    statusDetail: z.string().nullable(),
    lastCheckedAt: instantOut.nullable(),
    hasSecrets: z.boolean(),
    ownerId: uuid,
    permissions: z.array(z.enum(RIGHTS)).describe('What the caller may do on it.'),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .meta({ id: 'Remote' });
export type RemoteView = z.output<typeof remoteView>;
export const remotePage = pageOf(remoteView);

export const usageQuery = z.strictObject({
  fresh: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default('false')
    .describe('Look again now.'),
});
export type UsageQuery = z.output<typeof usageQuery>;

const bytes = z.number().int().nullable();
export const usageView = z
  .object({ total: bytes, used: bytes, free: bytes })
  .describe('Bytes; null where the storage does not tell. Free is what may still be written.');
export type UsageView = z.output<typeof usageView>;
