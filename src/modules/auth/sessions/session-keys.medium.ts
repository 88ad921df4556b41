import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { redisUrl } from '../../../../test/harness/capabilities.js';
import { startRedisServer, type RedisServer } from '../../../../test/harness/redis-server.js';
import { until } from '../../../../test/harness/until.js';
import { Installation } from '../../../kernel/database/index.js';
import { UsersService } from '../../users/index.js';

const PASSWORD = 'password of a published one';
const OPERATOR = { type: 'system', name: 'test' } as const;
let people = 0;

interface Tokens {
  readonly user: { readonly id: string };
  readonly accessToken: string;
  readonly refreshToken: string;
}

describe.skipIf(redisUrl() === undefined)('the keys of sessions in Redis (S1-31, S1-32)', () => {
  let server: RedisServer;
  let redis: Redis;
  let app: AccountsApplication;
  let prefix: string;
  beforeAll(async () => {
    server = await startRedisServer();
    redis = new Redis(server.url);
    redis.on('error', () => undefined);
    app = await accountsApplication({ REDIS_URL: server.url });
    prefix = app.get(Installation).name;
  });
  afterAll(async () => {
    redis.disconnect();
    server.thaw(); // queues say goodbye to their store, and wait for it
    await app.close();
    await server.kill();
  });

  const idOf = ({ refreshToken }: Tokens): string => refreshToken.split('.')[1]!;
  const keyOf = (tokens: Tokens): string => `${prefix}:session:${idOf(tokens)}`;
  const published = async (tokens: Tokens) => {
    const text = await redis.get(keyOf(tokens));
    return text === null ? null : (JSON.parse(text) as Record<string, unknown>);
  };
  const appears = (tokens: Tokens) => until(() => published(tokens), { describe: 'the key' });
  const vanishes = (...all: Tokens[]) =>
    until(async () => (await redis.exists(all.map(keyOf))) === 0, { describe: 'the keys to be gone' });
  const members = (tokens: Tokens) => redis.smembers(`${prefix}:user:sessions:${tokens.user.id}`);

  async function register(): Promise<Tokens & { username: string }> {
    const username = `published-${people++}`;
    const { body } = await app.call('POST', '/auth/register', {
      body: { email: `${username}@keys.test`, password: PASSWORD, username },
    });
    return { username, ...(body as unknown as Tokens) };
  }
  const login = async (identifier: string): Promise<Tokens> =>
    (await app.call('POST', '/auth/login', { body: { identifier, password: PASSWORD } }))
      .body as unknown as Tokens;

  it('say whose it is since a login, for a day at most', async () => {
    const tokens = await register();
    const value = await appears(tokens);
    const [row] = await app.sql<{ created: number; expires: number }>(
      `select floor(extract(epoch from created_at))::float8 as created,
              floor(extract(epoch from idle_expires_at))::float8 as expires from sessions where id = $1`,
      [idOf(tokens)],
    );
    expect(value).toEqual({
      userId: tokens.user.id,
      username: tokens.username,
      role: 'user',
      permissions: [],
      createdAt: row!.created,
      expiresAt: row!.expires,
    });
    expect(await redis.ttl(keyOf(tokens))).toBeGreaterThan(86_390);
    expect(await redis.ttl(keyOf(tokens))).toBeLessThanOrEqual(86_400);
    expect(await members(tokens)).toEqual([idOf(tokens)]);
    expect(await redis.ttl(`${prefix}:user:sessions:${tokens.user.id}`)).toBeGreaterThan(86_390);
    const text = JSON.stringify(value);
    for (const secret of [tokens.accessToken, tokens.refreshToken.split('.')[3]!])
      expect(text).not.toContain(secret);
  });

  it('are written again at a refresh and live no longer than the session', async () => {
    const tokens = await register();
    await appears(tokens);
    await redis.del(keyOf(tokens));
    await app.sql(`update sessions set absolute_expires_at = now() + interval '100 seconds' where id = $1`, [
      idOf(tokens),
    ]);
    await app.call('POST', '/auth/refresh', { body: { refreshToken: tokens.refreshToken } });
    await appears(tokens);
    expect(await redis.ttl(keyOf(tokens))).toBeLessThanOrEqual(100);
  });

  it('are gone after logging out, ending one, ending all, deactivating', async () => {
    const first = await register();
    const [second, third] = [await login(first.username), await login(first.username)];
    const other = await register();
    await Promise.all([first, second, third, other].map(appears));
    await app.call('POST', '/auth/logout', { token: first.accessToken });
    await vanishes(first);
    await app.call('DELETE', `/auth/sessions/${idOf(second)}`, { token: third.accessToken });
    await vanishes(second);
    expect(await members(first)).toEqual([idOf(third)]);
    await app.call('POST', '/auth/logout-all', { token: third.accessToken });
    await vanishes(third);
    expect(await members(first)).toEqual([]);
    await app.get(UsersService).update(OPERATOR, other.user.id, { isActive: false });
    await vanishes(other);
  });

  it('C27: say the role of now after it was changed', async () => {
    const tokens = await register();
    await appears(tokens);
    await app.get(UsersService).update(OPERATOR, tokens.user.id, { role: 'power_user' });
    await until(async () => (await published(tokens))?.['role'] === 'power_user', {
      describe: 'the new role',
    });
  });

  it('are not brought back by a slow writer after the session has ended', async () => {
    const tokens = await register();
    await appears(tokens);
    await app.call('POST', '/auth/logout', { token: tokens.accessToken });
    await vanishes(tokens);
    await app.sql('update sessions set revoked_at = null where id = $1', [idOf(tokens)]);
    await app.call('POST', '/auth/refresh', { body: { refreshToken: tokens.refreshToken } });
    const later = await register();
    await appears(later);
    expect(await published(tokens)).toBeNull();
  });

  it('decide nothing: forged and removed ones change no answer', async () => {
    const tokens = await register();
    const value = await appears(tokens);
    await redis.set(keyOf(tokens), JSON.stringify({ ...value, role: 'admin' }));
    expect((await app.call('GET', '/users', { token: tokens.accessToken })).status).toBe(403);
    await redis.flushall();
    expect((await app.call('GET', '/users/me', { token: tokens.accessToken })).status).toBe(200);
  });

  it('cost no login anything while Redis hangs or is away; removals are made up for', async () => {
    const tokens = await register();
    await appears(tokens);
    await server.kill();
    const began = performance.now();
    const during = await register();
    expect((await app.call('POST', '/auth/logout', { token: tokens.accessToken })).status).toBe(204);
    expect(performance.now() - began).toBeLessThan(10_000);
    server = await startRedisServer({}, server.port);
    // This Redis kept nothing; what shows that the removal was sent is the mark that it leaves.
    await until(async () => (await redis.exists(`${keyOf(tokens)}:removed`)) === 1, {
      describe: 'the removal to be made up for',
    });
    expect((await app.call('GET', '/users/me', { token: during.accessToken })).status).toBe(200);
    server.freeze();
    const frozen = performance.now();
    expect(await login(during.username)).toHaveProperty('accessToken');
    expect(performance.now() - frozen).toBeLessThan(10_000);
  });
});
