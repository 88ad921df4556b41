import { z } from 'zod';
import { instantOut, oneOf, pageOf, pageQuery, uuid } from '../../../kernel/http/index.js';
import { nameKey } from '../names/name-key.js';
import { remotePath } from '../remotes.schema.js';
import { InvalidRemotePath, MAX_PATH_BYTES, displayPath, parseRemotePath } from '../remote-path.js';
import { FILE_RIGHTS, RIGHTS } from './path-rules.js';
import { VERDICT_REASONS } from './remote-access.js';

export const MAX_RULES = 100;
/** Deeper than people nest folders. With these three no set of rules, however it was chosen, takes long to answer. */
const MAX_SEGMENTS = 256;
const MAX_SEGMENTS_TOGETHER = 2_000;
const MAX_GLOBS_BYTES = 65_536;

const once = (values: readonly string[]): boolean => new Set(values).size === values.length;
const right = oneOf(RIGHTS);
const fileRight = oneOf(FILE_RIGHTS);
const rights = z
  .array(right, { error: 'must be a list' })
  .max(RIGHTS.length)
  .refine(once, 'must name each right once');
const fileRights = z
  .array(fileRight, { error: 'must be a list' })
  .max(FILE_RIGHTS.length)
  .refine(once, 'must name each right once');

/** A glob in the form it is kept in: it begins with a slash, ends in none and has none doubled. */
const glob = z
  .string({ error: 'must be a text' })
  .min(1, 'must not be empty; / is the whole remote')
  .transform((value, context) => {
    try {
      return displayPath(parseRemotePath(value));
    } catch (error) {
      if (!(error instanceof InvalidRemotePath)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  })
  .refine((value) => value.split('/').length <= MAX_SEGMENTS + 1, `must have at most ${MAX_SEGMENTS} folders`)
  .meta({
    description:
      'What it names and everything below: ? is one character, * any number within a name, ** any number of folders; everything else stands for itself.',
    maxLength: MAX_PATH_BYTES,
  });

const pathRule = z.strictObject({
  path: glob,
  allow: fileRights.default([]),
  deny: fileRights.default([]).describe('Wins over every rule that allows.'),
});

const pathRules = z
  .array(pathRule, { error: 'must be a list' })
  .max(MAX_RULES, `must have at most ${MAX_RULES} rules`)
  .superRefine((rules, context) => {
    const seen = new Set<string>();
    let [bytes, segments] = [0, 0];
    for (const [index, { path }] of rules.entries()) {
      const key = nameKey(path, { ignoresCase: false });
      if (seen.has(key))
        context.addIssue({
          code: 'custom',
          path: [index, 'path'],
          message: 'must not be that of another rule',
        });
      seen.add(key);
      bytes += Buffer.byteLength(path);
      segments += path.split('/').length - 1;
    }
    if (segments > MAX_SEGMENTS_TOGETHER)
      context.addIssue({
        code: 'custom',
        message: `must have at most ${MAX_SEGMENTS_TOGETHER} folders in their paths together`,
      });
    if (bytes > MAX_GLOBS_BYTES)
      context.addIssue({
        code: 'custom',
        message: `must have at most ${MAX_GLOBS_BYTES} bytes of paths together`,
      });
  });

export const permissionBody = z.strictObject({
  permissions: rights,
  pathRules: pathRules
    .default([])
    .describe(
      'Narrow the rights down. Where one of them allows anything, only what a rule allows is allowed.',
    ),
  isActive: z.boolean({ error: 'must be true or false' }).default(true),
});
export type PermissionBody = z.output<typeof permissionBody>;

export const permissionParams = z.strictObject({ id: uuid, userId: uuid });
export type PermissionParams = z.output<typeof permissionParams>;

export const permissionsQuery = z.strictObject({
  ...pageQuery,
  path: glob.optional().describe('Only permissions that have a rule for exactly this path.'),
});
export type PermissionsQuery = z.output<typeof permissionsQuery>;

const ruleView = z
  .object({ path: z.string(), allow: z.array(fileRight), deny: z.array(fileRight) })
  .meta({ id: 'PathRule' });

export const permissionView = z
  .object({
    userId: uuid,
    remoteId: uuid,
    permissions: z.array(right),
    pathRules: z.array(ruleView),
    isActive: z.boolean(),
    createdBy: uuid.nullable().describe('Null when that person is gone.'),
    version: z.number().int().describe('What stands in the ETag of this one.'),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .meta({ id: 'RemotePermission' });
export type PermissionView = z.output<typeof permissionView>;
export const permissionPage = pageOf(permissionView);

export const explainQuery = z.strictObject({
  userId: uuid.optional().describe('The caller when absent.'),
  action: right.default('read'),
  path: remotePath.optional().describe('A file or a folder; the root when absent.'),
});
export type ExplainQuery = z.output<typeof explainQuery>;

export const explanation = z
  .object({
    userId: uuid,
    action: right,
    path: z.string(),
    allowed: z.boolean().describe('Whether it may be done to this file or folder itself.'),
    reason: z.enum(VERDICT_REASONS),
    rule: ruleView.nullable().describe('The rule that decided it.'),
    tree: z
      .object({
        answer: z.enum(['all', 'none', 'partial']),
        hidden: z
          .array(z.string())
          .nullable()
          .describe(
            'What jobs leave out, relative to the folder: paths, and globs where wildcards are left; null: they are refused.',
          ),
        rules: z.array(ruleView).describe('The rules that stand against everything.'),
      })
      .describe('Whether it may be done to the folder with everything in it.'),
  })
  .meta({ id: 'RemotePermissionExplanation' });
export type Explanation = z.output<typeof explanation>;
