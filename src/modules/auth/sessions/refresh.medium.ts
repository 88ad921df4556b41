import { UsersService } from '../../users/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';

let app: AccountsApplication;
let person = 0;

beforeAll(async () => {
  app = await accountsApplication();
});
afterAll(async () => app.close());

interface Pair {
  readonly accessToken: string;
  readonly refreshToken: string;
}

async function newSession(): Promise<Pair & { sessionId: string; userId: string }> {
  const email = `person-${person++}@refresh.test`;
  const { status, body } = await app.call('POST', '/auth/register', {
    body: { email, password: 'password of person' },
  });
  expect(status).toBe(201);
  const { user, accessToken, refreshToken } = body as unknown as Pair & { user: { id: string } };
  return { accessToken, refreshToken, sessionId: refreshToken.split('.')[1]!, userId: user.id };
}

const refresh = async (refreshToken: string) => {
  const { status, body } = await app.call('POST', '/auth/refresh', { body: { refreshToken } });
  return { status, ...(body as unknown as Pair & { code?: string }) };
};

const sessionRow = async (id: string) =>
  (
    await app.sql<{ refresh_counter: number; revoked_at: Date | null; revoked_reason: string | null }>(
      'select refresh_counter, revoked_at, revoked_reason from sessions where id = $1',
      [id],
    )
  )[0]!;

const reuseRecords = (sessionId: string) =>
  app.sql(`select * from audit_logs where action = 'auth.refresh_reuse' and resource_id = $1`, [sessionId]);

const toldOf = (sessionId: string) =>
  app.sql(`select type, user_id from events where subject_id = $1`, [sessionId]);

/** As if this many seconds had gone by since the last exchange. */
const letPass = (sessionId: string, seconds: number) =>
  app.sql('update sessions set rotated_at = rotated_at - make_interval(secs => $2) where id = $1', [
    sessionId,
    seconds,
  ]);

describe('exchanging a refresh token', () => {
  it('gives a new pair that works, and moves the idle limit', async () => {
    const first = await newSession();
    await app.sql(`update sessions set idle_expires_at = now() + interval '1 minute' where id = $1`, [
      first.sessionId,
    ]);
    const second = await refresh(first.refreshToken);
    expect(second.status).toBe(200);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect((await app.call('GET', '/users/me', { token: second.accessToken })).status).toBe(200);
    expect((await refresh(second.refreshToken)).status).toBe(200);
    const rows = await app.sql<{ moved: boolean }>(
      `select idle_expires_at > now() + interval '1 day' as moved from sessions where id = $1`,
      [first.sessionId],
    );
    expect(rows[0]?.moved).toBe(true);
  });

  it('gives 100 parallel users of one token one successor and ends nothing', async () => {
    const { refreshToken, sessionId } = await newSession();
    const answers = await Promise.all(Array.from({ length: 100 }, () => refresh(refreshToken)));
    expect(answers.map((one) => one.status)).toEqual(Array.from({ length: 100 }, () => 200));
    expect(new Set(answers.map((one) => one.refreshToken)).size).toBe(1);
    expect(await sessionRow(sessionId)).toMatchObject({ refresh_counter: 1, revoked_at: null });
    expect(await reuseRecords(sessionId)).toHaveLength(0);
  });

  it('gives the same successor to a repeat within 10 seconds, which stays usable', async () => {
    const { refreshToken, sessionId } = await newSession();
    const first = await refresh(refreshToken);
    await letPass(sessionId, 8);
    const repeat = await refresh(refreshToken);
    expect(repeat.refreshToken).toBe(first.refreshToken);
    expect((await refresh(first.refreshToken)).status).toBe(200);
  });

  it('ends the session when the last token comes back later than that', async () => {
    const { refreshToken, accessToken, sessionId, userId } = await newSession();
    const successor = await refresh(refreshToken);
    await letPass(sessionId, 11);
    expect(await refresh(refreshToken)).toMatchObject({ status: 401, code: 'refresh_reused' });
    expect(await sessionRow(sessionId)).toMatchObject({ revoked_reason: 'refresh_reuse' });
    expect(await reuseRecords(sessionId)).toMatchObject([{ user_id: userId, result: 'failure' }]);
    expect(await toldOf(sessionId)).toEqual([{ type: 'auth.refresh_reused', user_id: userId }]);
    expect(await refresh(successor.refreshToken)).toMatchObject({ status: 401, code: 'session_ended' });
    expect((await app.call('GET', '/users/me', { token: accessToken })).body['code']).toBe('session_ended');
  });

  it('ends the session at once when an older token comes back, and records it once', async () => {
    const { refreshToken, sessionId } = await newSession();
    const second = await refresh(refreshToken);
    await refresh(second.refreshToken);
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(refreshToken)));
    expect(answers.every((one) => one.status === 401)).toBe(true);
    expect(answers.some((one) => one.code === 'refresh_reused')).toBe(true);
    expect(await reuseRecords(sessionId)).toHaveLength(1);
    expect(await toldOf(sessionId)).toHaveLength(1);
  });

  it('refuses forged, future and foreign tokens without any effect', async () => {
    const mine = await newSession();
    const other = await newSession();
    const [, , , secret] = mine.refreshToken.split('.');
    const forged = [
      `rt.${mine.sessionId}.0.${'A'.repeat(43)}`,
      `rt.${mine.sessionId}.1.${secret}`,
      `rt.${other.sessionId}.0.${secret}`,
      `rt.019a9f5e-0000-7000-8000-000000000001.0.${secret}`,
      mine.accessToken,
      '',
    ];
    for (const token of forged)
      expect(await refresh(token)).toMatchObject({ status: 401, code: 'refresh_invalid' });
    expect(await sessionRow(mine.sessionId)).toMatchObject({ refresh_counter: 0, revoked_at: null });
    expect(await sessionRow(other.sessionId)).toMatchObject({ refresh_counter: 0, revoked_at: null });
    expect((await refresh(mine.refreshToken)).status).toBe(200);
  });

  it.each(['idle_expires_at', 'absolute_expires_at'])('refuses after %s', async (limit) => {
    const { refreshToken, accessToken, sessionId } = await newSession();
    await app.sql(`update sessions set ${limit} = now() where id = $1`, [sessionId]);
    expect(await refresh(refreshToken)).toMatchObject({ status: 401, code: 'session_ended' });
    expect((await app.call('GET', '/users/me', { token: accessToken })).body['code']).toBe('session_ended');
  });

  it('refuses a deactivated user', async () => {
    const { refreshToken, accessToken, userId } = await newSession();
    await app.sql('update users set is_active = false where id = $1', [userId]);
    expect(await refresh(refreshToken)).toMatchObject({ status: 401, code: 'session_ended' });
    expect((await app.call('GET', '/users/me', { token: accessToken })).body['code']).toBe('session_ended');
  });

  it('refuses for good what was open when the account was deactivated, also once it is active again', async () => {
    const { refreshToken, accessToken, userId } = await newSession();
    const users = app.get(UsersService);
    const operator = { type: 'system', name: 'test' } as const;
    await users.update(operator, userId, { isActive: false });
    await users.update(operator, userId, { isActive: true });
    expect(await refresh(refreshToken)).toMatchObject({ status: 401, code: 'session_ended' });
    expect((await app.call('GET', '/users/me', { token: accessToken })).body['code']).toBe('session_ended');
  });

  it('keeps neither token nor secret in the database', async () => {
    const { refreshToken, sessionId } = await newSession();
    const secret = refreshToken.split('.')[3]!;
    const rows = await app.sql<{ row: string }>(
      `select s::text || encode(refresh_hash, 'base64') || encode(refresh_nonce, 'base64') as row
         from sessions s where id = $1`,
      [sessionId],
    );
    const text = rows[0]!.row;
    expect(text).not.toContain(secret);
    expect(text).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
    expect(text).not.toContain(Buffer.from(secret, 'base64url').toString('base64'));
  });
});
