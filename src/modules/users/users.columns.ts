import { UserError } from '../../kernel/http/index.js';
import { violatedUnique } from '../../kernel/database/index.js';
import { IdentifierError, emailKey, usernameKey } from './identifiers.js';
import type { UserEntity } from './user.entity.js';
import type { UserChanges } from './users.schema.js';

/** The key of an identifier, or 400 naming its field. */
function keyOf(make: (text: string) => string, text: string, pointer: string): string {
  try {
    return make(text);
  } catch (error) {
    if (error instanceof IdentifierError) throw UserError.field(pointer, error.code, error.message);
    throw error;
  }
}

export const emailColumns = (email: string): { email: string; emailKey: string } => ({
  email,
  emailKey: keyOf(emailKey, email, '/email'),
});

export function usernameColumns(username: string | null): {
  username: string | null;
  usernameKey: string | null;
} {
  return { username, usernameKey: username === null ? null : keyOf(usernameKey, username, '/username') };
}

/** Without the keys whose value is undefined, which are those the caller did not mention. */
export function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

const TAKEN: Readonly<Record<string, 'email' | 'username'>> = {
  users_email_key_unique: 'email',
  users_username_key_unique: 'username',
};

/** The unique key decides who of several was first; looking beforehand could not. */
export async function takenAsConflict(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    const field = TAKEN[violatedUnique(error) ?? ''];
    if (!field) throw error;
    const name = field === 'email' ? 'e-mail address' : 'username';
    throw UserError.conflict(`${field}_taken`, `This ${name} is already in use.`, [
      { pointer: `/${field}`, code: `${field}_taken`, detail: 'is already in use' },
    ]);
  }
}

/** For the audit trail: which fields changed, and the rights in full; never personal values (C5, rule 10). */
export function changedFacts(
  before: UserEntity,
  after: UserEntity,
  changes: UserChanges,
): Record<string, unknown> {
  const rights = (['role', 'isActive', 'isVerified'] as const).filter((key) => before[key] !== after[key]);
  return {
    fields: Object.keys(given(changes)).toSorted(),
    ...Object.fromEntries(rights.map((key) => [key, { from: before[key], to: after[key] }])),
  };
}
