import type { AccountsApplication } from './accounts-application.js';

export interface Person {
  readonly id: string;
  readonly token: string;
}

export interface MadeKey {
  readonly id: string;
  readonly key: string;
  readonly prefix: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string | null;
}

/** Somebody who has just registered and logged in. */
export async function newPerson(app: AccountsApplication, role = 'user'): Promise<Person> {
  const { body } = await app.call('POST', '/auth/register', {
    body: { email: `${crypto.randomUUID()}@keys.test`, password: 'a password for keys' },
  });
  const { user, accessToken } = body as unknown as { user: { id: string }; accessToken: string };
  await app.sql(`update users set role = $2 where id = $1`, [user.id, role]);
  return { id: user.id, token: accessToken };
}

/** A key of the person, for `profile:read` unless told. */
export async function newKey(
  app: AccountsApplication,
  { token }: Person,
  changes: object = {},
): Promise<MadeKey> {
  const { status, body } = await app.call('POST', '/auth/api-keys', {
    token,
    body: { name: 'key', scopes: ['profile:read'], ...changes },
  });
  if (status !== 201) throw new Error(`no key: ${status} ${JSON.stringify(body)}`);
  return body as unknown as MadeKey;
}
