import { z } from 'zod';
import { USER_ROLES } from '../../kernel/auth/index.js';
import { instantOut, nameOf, oneOf, pageOf, pageQuery, textOf, uuid } from '../../kernel/http/index.js';
import { boundedObject } from './bounded-object.js';
import { PASSWORD_MAX, PASSWORD_MIN } from './passwords/password-policy.js';
import { USER_SORTS } from './users.cursor.js';

/** What it must be like, `password-policy.ts` decides, which also knows whose it is; nothing is trimmed or cut off. */
export const newPassword = z
  .string({ error: 'must be a text' })
  .meta({ minLength: PASSWORD_MIN, maxLength: PASSWORD_MAX });
/** At login also passwords of older rules and of imported users are tried, whatever their length. */
export const anyPassword = textOf(1, 1024);
export const anyIdentifier = textOf(1, 255);

const METADATA_MAX_BYTES = 16_384;
const metadata = boundedObject(METADATA_MAX_BYTES);

// What an address or a name must look like beyond its length is the matter of `identifiers.ts`.
export const emailIn = textOf(3, 255);
export const usernameIn = textOf(1, 50);
export const fullNameIn = nameOf(255);
const role = oneOf(USER_ROLES);
const flag = z.boolean({ error: 'must be true or false' });

/** What people change about themselves; e-mail and role are refused as unknown fields. */
export const ownChanges = z.strictObject({
  fullName: fullNameIn.nullable().optional(),
  username: usernameIn.nullable().optional(),
  metadata: metadata.optional(),
});

/** A new address is not verified, unless the same change says so. */
export const adminChanges = z.strictObject({
  email: emailIn.optional(),
  fullName: fullNameIn.nullable().optional(),
  username: usernameIn.nullable().optional(),
  role: role.optional(),
  isActive: flag.optional(),
  isVerified: flag.optional(),
});

/** Without a password the account exists but nobody can log in to it. */
export const newUserIn = z.strictObject({
  email: emailIn,
  password: newPassword.optional(),
  username: usernameIn.optional(),
  fullName: fullNameIn.optional(),
  role: role.optional(),
  isActive: flag.optional(),
  isVerified: flag.optional(),
  metadata: metadata.optional(),
});

const flagInQuery = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((value) => value === 'true');

export const usersQuery = z.strictObject({
  limit: pageQuery.limit,
  cursor: textOf(1, 1000).optional(),
  sort: oneOf(USER_SORTS).default('-createdAt'),
  role: role.optional(),
  isActive: flagInQuery.optional(),
  isVerified: flagInQuery.optional(),
  hasTasks: flagInQuery.optional(),
  /** Part of the e-mail, username or full name, in any case. */
  q: textOf(1, 255).optional(),
});

export const userView = z
  .object({
    id: uuid,
    email: z.string(),
    username: z.string().nullable(),
    fullName: z.string().nullable(),
    role: z.enum(USER_ROLES),
    isActive: z.boolean(),
    isVerified: z.boolean(),
    isSuperuser: z.boolean(),
    metadata: z.record(z.string(), z.unknown()),
    lastLoginAt: instantOut.nullable(),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .meta({ id: 'User' });
/** As admins see it. */
export const managedUserView = userView.extend({ taskCount: z.int() }).meta({ id: 'ManagedUser' });
export const userPage = pageOf(managedUserView);

export type OwnChanges = z.output<typeof ownChanges>;
export type UserChanges = z.output<typeof adminChanges> & OwnChanges;
export type ManagedUserView = z.output<typeof managedUserView>;
export type NewUserIn = z.output<typeof newUserIn>;
export type UsersQuery = z.output<typeof usersQuery>;
export type UserView = z.output<typeof userView>;
