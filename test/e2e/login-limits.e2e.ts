import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redisUrl } from '../harness/capabilities.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { startRedisServer, type RedisServer } from '../harness/redis-server.js';
import { Redis } from 'ioredis';

const PASSWORD = 'the password of the tests';
const ADMIN = 'admin@steward.local';

/** The defaults, which the harness otherwise takes away. */
const DEFAULTS = {
  STEWARD_RATE_LIMIT_USER: '',
  STEWARD_RATE_LIMIT_ANONYMOUS: '',
  STEWARD_LOGIN_LIMIT_ADDRESS: '',
  STEWARD_LOGIN_LIMIT_ACCOUNT: '',
  STEWARD_GUESS_LIMIT_ADDRESS: '',
  STEWARD_LOGIN_FLOOR_MS: '0',
};

async function login(url: string, identifier: string, password: string, deviceToken?: string) {
  const answer = await fetch(`${url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identifier, password, ...(deviceToken ? { deviceToken } : {}) }),
  });
  const body = (await answer.json()) as { code?: string; deviceToken?: string; accessToken?: string };
  return { status: answer.status, ...body };
}

describe.skipIf(redisUrl() === undefined)(
  'login budgets of two processes with one Redis (S1-38, ASVS 6.3.1)',
  () => {
    let database: TestDatabase;
    let directory: { path: string; remove: () => Promise<void> };
    let redis: RedisServer;
    let processes: StewardProcess[];
    let urls: string[];

    beforeEach(async () => {
      [database, directory, redis] = await Promise.all([
        createTestDatabase(),
        scratch(),
        startRedisServer({ 'maxmemory-policy': 'noeviction' }),
      ]);
      processes = [1, 2].map(() =>
        StewardProcess.spawn({
          DATABASE_URL: database.url,
          REDIS_URL: redis.url,
          STEWARD_DATA_DIR: directory.path,
          STEWARD_SECRET: 'one signing secret for every process of the test',
          STEWARD_ADMIN_PASSWORD: PASSWORD,
          ...DEFAULTS,
        }),
      );
      urls = await Promise.all(processes.map((one) => one.url()));
    });
    afterEach(async () => {
      await Promise.all(processes.map((one) => one.end('SIGKILL')));
      await redis.kill();
      await database.drop();
      await directory.remove();
    });

    const at = (n: number): string => urls[n % urls.length] ?? '';

    it('are shared, whoever is asked, and let the owner in from a known device', async () => {
      const { deviceToken, accessToken } = await login(at(0), ADMIN, PASSWORD);
      const seen = [];
      for (let n = 0; n < 7; n++) seen.push((await login(at(n), ADMIN, `wrong ${n}`)).code);
      expect(seen).toEqual([
        ...Array.from({ length: 5 }, () => 'credentials_wrong'),
        ...Array.from({ length: 2 }, () => 'login_throttled'),
      ]);
      for (let n = 0; n < 6; n++) seen.push((await login(at(n), `nobody-${n}`, 'wrong')).code);
      expect(seen.slice(-6)).toEqual([
        ...Array.from({ length: 5 }, () => 'credentials_wrong'), // the 6th to 10th wrong one of this address
        'login_throttled',
      ]);
      for (const url of urls) {
        expect((await login(url, ADMIN, PASSWORD)).code).toBe('login_throttled');
        expect((await login(url, ADMIN, PASSWORD, deviceToken)).status).toBe(200);
      }
      const client = new Redis(redis.url);
      const keys = await client.keys('*:rate:login:127.0.0.1');
      expect(keys).toHaveLength(1);
      const life = await client.ttl(keys[0] ?? '');
      expect(life).toBeGreaterThan(200);
      expect(life).toBeLessThanOrEqual(300);
      // No name of anybody stands in Redis in clear.
      expect((await client.keys('*')).filter((key) => /admin|nobody/.test(key))).toEqual([]);
      client.disconnect();
      const told = await fetch(`${at(1)}/api/notifications`, {
        headers: { authorization: `Bearer ${accessToken}` },
      });
      expect(told.headers.get('ratelimit-policy')).toBe('"user";q=600;w=60');
    });

    it('hold in each process while Redis is away, without an error', async () => {
      await redis.kill();
      for (const url of urls) {
        const seen = [];
        for (let n = 0; n < 7; n++) seen.push((await login(url, ADMIN, `wrong ${n}`)).code);
        expect(seen).toEqual([
          ...Array.from({ length: 5 }, () => 'credentials_wrong'),
          ...Array.from({ length: 2 }, () => 'login_throttled'),
        ]);
      }
    });
  },
);
