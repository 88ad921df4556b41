import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { EndedSessions } from './ended-sessions.js';

const MAX = 3;
const PASSWORD = 'password of many devices';
let app: AccountsApplication;
let people = 0;
beforeAll(async () => {
  app = await accountsApplication({ STEWARD_MAX_SESSIONS: String(MAX) });
});
afterAll(async () => app.close());

interface Tokens {
  readonly user: { readonly id: string };
  readonly accessToken: string;
  readonly refreshToken: string;
}
async function register(): Promise<Tokens & { email: string }> {
  const email = `many-${people++}@limit.test`;
  const { body } = await app.call('POST', '/auth/register', { body: { email, password: PASSWORD } });
  return { email, ...(body as unknown as Tokens) };
}
const login = async (identifier: string): Promise<Tokens> =>
  (await app.call('POST', '/auth/login', { body: { identifier, password: PASSWORD } }))
    .body as unknown as Tokens;
const works = async ({ accessToken }: Tokens) =>
  (await app.call('GET', '/users/me', { token: accessToken })).status === 200;
const idOf = ({ refreshToken }: Tokens): string => refreshToken.split('.')[1]!;
const standing = (userId: string) =>
  app.sql<{ id: string }>('select id from sessions where user_id = $1 and revoked_at is null order by id', [
    userId,
  ]);

describe('ASVS 7.1.2: the number of sessions of a user', () => {
  it('is limited: a further login ends the one that was not used for longest, and says so in the audit trail', async () => {
    const first = await register();
    const second = await login(first.email);
    const third = await login(first.email);
    // The first is used again, so the second is now the one that was not used for longest.
    await app.call('POST', '/auth/refresh', { body: { refreshToken: first.refreshToken } });
    expect(await Promise.all([first, second, third].map(works))).toEqual([true, true, true]);
    const fourth = await login(first.email);
    expect(await Promise.all([first, second, third, fourth].map(works))).toEqual([true, false, true, true]);
    expect(
      await app.sql(
        `select action, details, actor_type, user_id from audit_logs where resource_type = 'session' and resource_id = $1`,
        [idOf(second)],
      ),
    ).toEqual([
      {
        action: 'session.revoke',
        details: { userId: first.user.id, reason: 'too_many' },
        actor_type: 'system',
        user_id: null,
      },
    ]);
  });

  it('holds for logins at the same moment, and none of them ends itself', async () => {
    const { email, user } = await register();
    const logins = await Promise.all(Array.from({ length: 12 }, () => login(email)));
    expect(logins.every(({ accessToken }) => typeof accessToken === 'string')).toBe(true);
    expect(await standing(user.id)).toHaveLength(MAX);
    const last = await login(email);
    expect(await works(last)).toBe(true);
    expect(await standing(user.id)).toHaveLength(MAX);
  });

  it('counts neither ended sessions nor those of others', async () => {
    const { email, user, ...first } = await register();
    const other = await register();
    const ended = await login(email);
    await app.call('POST', '/auth/logout', { token: ended.accessToken });
    const expired = await login(email);
    await app.sql('update sessions set idle_expires_at = now() where id = $1', [idOf(expired)]);
    const [third, fourth] = [await login(email), await login(email)];
    expect(await Promise.all([{ user, ...first }, other, third, fourth].map(works))).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });
});

describe('ASVS 7.3.1, 7.3.2: the life of a session', () => {
  it.each(['idle_expires_at', 'absolute_expires_at'])(
    '%s ends it at access and at refresh',
    async (limit) => {
      const tokens = await register();
      expect(await works(tokens)).toBe(true);
      await app.sql(`update sessions set ${limit} = now() - interval '1 second' where id = $1`, [
        idOf(tokens),
      ]);
      expect(await works(tokens)).toBe(false);
      const { refreshToken } = tokens;
      expect((await app.call('POST', '/auth/refresh', { body: { refreshToken } })).body['code']).toBe(
        'session_ended',
      );
    },
  );

  it('is not moved beyond its absolute end by refreshing', async () => {
    const tokens = await register();
    await app.sql(`update sessions set absolute_expires_at = now() + interval '1 hour' where id = $1`, [
      idOf(tokens),
    ]);
    const { body } = await app.call('POST', '/auth/refresh', { body: { refreshToken: tokens.refreshToken } });
    const token = (body as unknown as Tokens).accessToken;
    const { items } = (await app.call('GET', '/auth/sessions', { token })).body as unknown as {
      items: { expiresAt: string; lastActivityAt: string }[];
    };
    const left = Date.parse(items[0]!.expiresAt) - Date.parse(items[0]!.lastActivityAt);
    expect(left).toBeLessThanOrEqual(3_600_000);
  });
});

describe('ended sessions', () => {
  it('are removed 30 days after their end, however they ended; the others stay', async () => {
    const [revoked, idle, over, recent, alive] = await Promise.all(
      Array.from({ length: 5 }, () => register()),
    );
    const end = (tokens: Tokens, columns: string) =>
      app.sql(`update sessions set ${columns} where id = $1`, [idOf(tokens)]);
    await end(revoked!, `revoked_at = now() - interval '31 days'`);
    await end(idle!, `idle_expires_at = now() - interval '31 days'`);
    await end(over!, `absolute_expires_at = now() - interval '31 days'`);
    await end(recent!, `revoked_at = now() - interval '29 days', idle_expires_at = now() + interval '1 day'`);
    await app.get(EndedSessions).sweep();
    const kept = new Set((await app.sql<{ id: string }>('select id from sessions')).map(({ id }) => id));
    expect([revoked, idle, over, recent, alive].map((one) => kept.has(idOf(one!)))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
    const answer = async ({ refreshToken }: Tokens) =>
      (await app.call('POST', '/auth/refresh', { body: { refreshToken } })).body['code'];
    expect(await answer(recent!)).toBe('session_ended');
    expect(await answer(revoked!)).toBe('refresh_invalid');
  });

  it('are removed in batches until none is left', async () => {
    const { user } = await register();
    await app.sql(
      `insert into sessions (id, user_id, refresh_hash, refresh_nonce, idle_expires_at, absolute_expires_at)
       select gen_random_uuid(), $1, '', '', now() - interval '40 days', now() from generate_series(1, 2500)`,
      [user.id],
    );
    await app.get(EndedSessions).sweep();
    const rows = await app.sql('select 1 from sessions where user_id = $1', [user.id]);
    expect(rows).toHaveLength(1);
  });
});
