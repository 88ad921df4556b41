import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';

let app: AccountsApplication;
let people = 0;
let admin: Tokens;

interface Tokens {
  readonly user: { readonly id: string };
  readonly accessToken: string;
  readonly refreshToken: string;
}
const PASSWORD = 'password of a watched one';
const idOf = ({ refreshToken }: Tokens): string => refreshToken.split('.')[1]!;

async function register(): Promise<Tokens & { email: string }> {
  const email = `watched-${people++}@admin.test`;
  const { body } = await app.call('POST', '/auth/register', { body: { email, password: PASSWORD } });
  return { email, ...(body as unknown as Tokens) };
}
const login = async (identifier: string): Promise<Tokens> =>
  (await app.call('POST', '/auth/login', { body: { identifier, password: PASSWORD } }))
    .body as unknown as Tokens;
const works = async ({ accessToken }: Tokens) =>
  (await app.call('GET', '/users/me', { token: accessToken })).status === 200;
const at = ({ user }: Tokens): string => `/auth/users/${user.id}/sessions`;

beforeAll(async () => {
  app = await accountsApplication();
  admin = await register();
  await app.sql(`update users set role = 'admin' where id = $1`, [admin.user.id]);
});
afterAll(async () => app.close());

it('ASVS 7.4.5: an admin sees the sessions of a user, ends one, ends all', async () => {
  const first = await register();
  const [second, third] = [await login(first.email), await login(first.email)];
  const token = admin.accessToken;
  const { body } = await app.call('GET', at(first), { token });
  expect(body).toMatchObject({
    items: [third, second, first].map((one) => ({ id: idOf(one), isCurrent: false })),
    nextCursor: null,
  });
  expect(JSON.stringify(body)).not.toMatch(/hash|nonce|refresh/i);
  expect((await app.call('DELETE', `${at(first)}/${idOf(second)}`, { token })).status).toBe(204);
  expect(await Promise.all([first, second, third].map(works))).toEqual([true, false, true]);
  expect((await app.call('DELETE', at(first), { token })).status).toBe(204);
  expect(await Promise.all([first, third, admin].map(works))).toEqual([false, false, true]);
  expect(
    await app.sql(
      `select action, resource_type, details from audit_logs where user_id = $1 and action like 'session.%' order by id`,
      [admin.user.id],
    ),
  ).toEqual([
    { action: 'session.revoke', resource_type: 'session', details: { userId: first.user.id } },
    { action: 'session.revoke_all', resource_type: 'user', details: { sessions: 2 } },
  ]);
});

it('a session is only found at its user, and nobody and nothing else is', async () => {
  const [one, other] = [await register(), await register()];
  const token = admin.accessToken;
  const missing = '019a9f5e-0000-7000-8000-000000000001';
  expect((await app.call('DELETE', `${at(other)}/${idOf(one)}`, { token })).status).toBe(404);
  expect((await app.call('GET', `/auth/users/${missing}/sessions`, { token })).status).toBe(404);
  expect((await app.call('DELETE', `/auth/users/${missing}/sessions`, { token })).status).toBe(404);
  expect((await app.call('DELETE', '/auth/users/x/sessions', { token })).status).toBe(400);
  expect((await app.call('GET', `${at(one)}?all=true`, { token })).status).toBe(400);
  expect(await works(one)).toBe(true);
});

it('nobody but an admin may, not even for themselves', async () => {
  const [one, other] = [await register(), await register()];
  for (const token of [one.accessToken, undefined])
    for (const place of [at(one), at(other)]) {
      const expected = token === undefined ? 401 : 403;
      expect((await app.call('GET', place, { token })).status).toBe(expected);
      expect((await app.call('DELETE', place, { token })).status).toBe(expected);
      expect((await app.call('DELETE', `${place}/${idOf(other)}`, { token })).status).toBe(expected);
    }
  expect(await Promise.all([one, other].map(works))).toEqual([true, true]);
});
