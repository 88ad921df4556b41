import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { SessionActivity } from './session-activity.js';

let app: AccountsApplication;
let people = 0;
beforeAll(async () => {
  app = await accountsApplication();
});
afterAll(async () => app.close());

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0';

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}
async function register(userAgent = FIREFOX): Promise<Tokens & { id: string }> {
  const { body } = await app.call('POST', '/auth/register', {
    body: { email: `active-${people++}@activity.test`, password: 'password of an active one' },
    headers: { 'user-agent': userAgent },
  });
  const tokens = body as unknown as Tokens;
  return { ...tokens, id: tokens.refreshToken.split('.')[1]! };
}
const unused = (id: string, seconds: number) =>
  app.sql('update sessions set last_activity_at = now() - make_interval(secs => $2) where id = $1', [
    id,
    seconds,
  ]);
async function idleSeconds(id: string): Promise<number> {
  const rows = await app.sql<{ idle: number }>(
    'select extract(epoch from now() - last_activity_at)::float8 as idle from sessions where id = $1',
    [id],
  );
  return rows[0]!.idle;
}
const listed = async (token: string) =>
  ((await app.call('GET', '/auth/sessions', { token })).body as unknown as { items: object[] }).items;

it('a session that is used is noted, to the minute and in one go', async () => {
  const [used, idle, fresh] = [await register(), await register(), await register()];
  await unused(used.id, 3600);
  await unused(idle.id, 3600);
  await unused(fresh.id, 30);
  for (const { accessToken } of [used, used, fresh])
    await app.call('GET', '/users/me', { token: accessToken });
  expect(await idleSeconds(used.id)).toBeGreaterThan(3599);
  await app.get(SessionActivity).flush();
  expect(await idleSeconds(used.id)).toBeLessThan(10);
  expect(await idleSeconds(idle.id)).toBeGreaterThan(3599);
  expect(await idleSeconds(fresh.id)).toBeGreaterThan(29);
});

it('a request that is refused is no use of the session', async () => {
  const { id, accessToken } = await register();
  await app.call('POST', '/auth/logout', { token: accessToken });
  await app.get(SessionActivity).flush();
  await unused(id, 3600);
  expect((await app.call('GET', '/users/me', { token: accessToken })).status).toBe(401);
  await app.get(SessionActivity).flush();
  expect(await idleSeconds(id)).toBeGreaterThan(3599);
});

it('the list says where from, with which program and when last', async () => {
  const { accessToken, refreshToken } = await register();
  expect(await listed(accessToken)).toMatchObject([
    {
      ipAddress: '127.0.0.1',
      userAgent: FIREFOX,
      deviceInfo: { browser: 'Firefox', browserVersion: '133.0', os: 'Linux', device: 'desktop' },
      isCurrent: true,
    },
  ]);
  await app.call('POST', '/auth/refresh', {
    body: { refreshToken },
    headers: { 'user-agent': 'curl/8.5.0' },
  });
  expect(await listed(accessToken)).toMatchObject([
    { userAgent: 'curl/8.5.0', deviceInfo: { browser: 'curl', os: null, device: 'program' } },
  ]);
});

it.each(['', 'x'.repeat(5_000), '<script>', "'; drop table sessions; --", '{"a":1}', '\u00e9\u00ff'])(
  'any User-Agent will do: %j',
  async (userAgent) => {
    const { accessToken } = await register(userAgent);
    const [session] = (await listed(accessToken)) as { userAgent: string | null }[];
    expect(session?.userAgent ?? '').toBe(userAgent.slice(0, 512));
  },
);

it('what an older version stored as device is shown as unknown', async () => {
  const { accessToken, id } = await register();
  await app.sql(`update sessions set device_info = '{"browser": {"name": "Chrome"}}' where id = $1`, [id]);
  expect(await listed(accessToken)).toMatchObject([{ deviceInfo: { browser: null, device: null } }]);
});
