import { z } from 'zod';
import { instantOut, nameOf, pageOf, pageQuery, uuid } from '../../kernel/http/index.js';
import { USER_ROLES } from '../../kernel/auth/index.js';
import { RIGHTS } from './permissions/path-rules.js';
import { InvalidRemotePath, MAX_PATH_BYTES, displayPath, parseRemotePath } from './remote-path.js';
import { DEFAULT_ROOT, plainRoot, type FarRootKind } from './remote-root.js';
import { remoteTypes, schemasOf } from './types/configuration.js';
import type { OptionValue, PartRules, RemoteTypeDefinition } from './types/remote-type.js';
import { REMOTE_TYPES, type RemoteType } from './types/remote-types.js';

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

const farRoot = (kind: FarRootKind) =>
  z
    .string({ error: 'must be a text' })
    .transform((value, context) => {
      try {
        return plainRoot(kind, value);
      } catch (error) {
        if (!(error instanceof InvalidRemotePath)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .default(DEFAULT_ROOT[kind])
    .meta({
      type: 'string',
      maxLength: MAX_PATH_BYTES,
      description:
        kind === 'home'
          ? 'An absolute folder of the far side, or ~ or ~/folder of the home folder there.'
          : 'A folder of the far side; in object stores it begins with the bucket.',
    });

/** What may be said of the root of a type; null where its parts say it. */
export function rootOf({ root }: RemoteTypeDefinition): z.ZodType<string> | null {
  if (root === 'none') return null;
  return root === 'folder' ? localRoot : farRoot(root);
}

/** Part of the name of a folder that rclone is told about in one line with others. */
const partName = nameOf(100).refine(
  (value) => !/[/\\=:"',]/.test(value) && !['.', '..'].includes(value.normalize('NFKC')),
  'must not contain / \\ = : , or quotes',
);

export interface PartBody {
  remoteId: string;
  path: string;
  name?: string | undefined;
  readOnly?: boolean | undefined;
}

export function partsOf({ least, most, named, readOnly }: PartRules): z.ZodType<PartBody[]> {
  const part = z.strictObject({
    remoteId: uuid,
    path: remotePath.default('/'),
    ...(named ? { name: partName.describe('The folder it appears as.') } : {}),
    ...(readOnly ? { readOnly: z.boolean().default(false).describe('Nothing is written to it.') } : {}),
  }) as unknown as z.ZodType<PartBody>;
  return z
    .array(part)
    .min(least, least === 1 ? 'must name a remote' : `must name at least ${least}`)
    .max(most, `must name at most ${most}`)
    .superRefine((parts: PartBody[], context) => {
      const names = parts.map(({ name }) => name?.normalize('NFC'));
      names.forEach((name, index) => {
        if (name !== undefined && names.indexOf(name) !== index)
          context.addIssue({ code: 'custom', path: [index, 'name'], message: 'is the name of another part' });
      });
    });
}

export interface NewRemoteBody {
  type: RemoteType;
  name: string;
  root?: string | undefined;
  options?: Readonly<Record<string, OptionValue>> | undefined;
  secrets?: Readonly<Record<string, string>> | undefined;
  parts?: PartBody[] | undefined;
}

/** One member per type of remote: each knows its own fields and refuses every other. */
const [first, ...others] = Object.values(remoteTypes).map((definition) => {
  const { type, options, secrets, parts } = definition;
  const root = rootOf(definition);
  const schemas = schemasOf(type);
  return z.strictObject({
    type: z.literal(type),
    name: remoteName,
    ...(root && { root }),
    ...(Object.keys(options).length > 0 && { options: schemas.options.prefault({}) }),
    ...(Object.keys(secrets).length > 0 && { secrets: schemas.secrets.prefault({}) }),
    ...(parts && { parts: partsOf(parts) }),
  });
});
if (!first) throw new Error('there is no type of remote');
export const newRemoteBody = z.discriminatedUnion('type', [first, ...others]) as z.ZodType<NewRemoteBody>;

const MOST_FIELDS = 50;
const fewFields = (value: object): boolean => Object.keys(value).length <= MOST_FIELDS;

/** Judged by the schema of its type once that is known. */
export const remoteChangesBody = z.strictObject({
  name: remoteName.optional(),
  root: z.string({ error: 'must be a text' }).min(1).max(MAX_PATH_BYTES).optional(),
  options: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .refine(fewFields, 'has too many fields')
    .optional()
    .describe('What is absent stays, null removes.'),
  secrets: z
    .record(z.string(), z.union([z.string(), z.null()]))
    .refine(fewFields, 'has too many fields')
    .optional()
    .describe('What is absent stays, null removes.'),
  parts: z.array(z.unknown()).max(100).optional().describe('All of them, in place of those there are.'),
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
    options: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .describe('How it is configured, without what is secret.'),
    hasSecrets: z.boolean(),
    secrets: z.array(z.string()).describe('Which secrets are set; their values never come out.'),
    parts: z.array(
      z.object({
        remoteId: uuid,
        path: z.string(),
        name: z.string().nullable(),
        readOnly: z.boolean(),
      }),
    ),
    ownerId: uuid,
    permissions: z.array(z.enum(RIGHTS)).describe('What the caller may do on it.'),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .meta({ id: 'Remote' });
export type RemoteView = z.output<typeof remoteView>;
export const remotePage = pageOf(remoteView);

export const remoteTypeView = z
  .object({
    type: z.enum(REMOTE_TYPES),
    summary: z.string(),
    requiredRole: z.enum(USER_ROLES).describe('Who may make remotes of it.'),
    root: z.record(z.string(), z.unknown()).nullable().describe('JSON Schema; null where its parts say it.'),
    options: z.record(z.string(), z.unknown()).describe('JSON Schema.'),
    secrets: z.record(z.string(), z.unknown()).describe('JSON Schema of what goes in and never comes out.'),
    parts: z.record(z.string(), z.unknown()).nullable().describe('JSON Schema of what it is made of.'),
  })
  .meta({ id: 'RemoteType' });
export type RemoteTypeView = z.output<typeof remoteTypeView>;
export const remoteTypeList = z.object({ items: z.array(remoteTypeView) });

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
