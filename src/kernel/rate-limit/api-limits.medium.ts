import { Controller, Get, Module, Param } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { redisUrl } from '../../../test/harness/capabilities.js';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/database.js';
import { startRedisServer, type RedisServer } from '../../../test/harness/redis-server.js';
import { startTestApplication, type TestApplication } from '../../../test/harness/test-application.js';
import { until } from '../../../test/harness/until.js';
import { Public, Requires } from '../auth/index.js';
import { Installation } from '../database/index.js';
import { drain } from '../http/drain.js';
import { requestContext } from '../http/index.js';
import { RedisConnections } from '../redis/index.js';

@Controller('api/limited')
class LimitedController {
  @Get('mine/:id')
  @Requires('user', 'jobs:read')
  mine(@Param('id') id: string): { id: string } {
    return { id };
  }

  @Get('other')
  @Requires('user', 'jobs:read')
  other(): object {
    return {};
  }

  @Get('open')
  @Public('test')
  open(): { address: string | null } {
    return { address: requestContext.current()?.ipAddress ?? null };
  }
}

@Module({ controllers: [LimitedController] })
class LimitedModule {}

const USER = '01a1fa1c-9a39-73c5-b829-a80bcaa316f6';
const OTHER = '01a1fa1c-9a39-73c5-b829-a80bcaa316f7';

let database: TestDatabase;
let apps: TestApplication[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(apps.map(({ app }) => drain(app, 2_000)));
  apps = [];
});
afterAll(() => database.drop());

async function start(environment: Record<string, string> = {}): Promise<TestApplication> {
  const limits = {
    STEWARD_ROLE: 'api',
    STEWARD_RATE_LIMIT_USER: '5',
    STEWARD_RATE_LIMIT_ANONYMOUS: '3',
  };
  const one = await startTestApplication(database.url, [LimitedModule], { ...limits, ...environment });
  apps.push(one);
  return one;
}

const get = (app: TestApplication, place: string, user?: string, headers: Record<string, string> = {}) =>
  fetch(`${app.url}${place}`, { headers: { ...(user ? { 'x-test-user': user } : {}), ...headers } });

/** The statuses of so many requests, one after the other. */
async function statuses(count: number, request: () => Promise<Response>): Promise<number[]> {
  const seen: number[] = [];
  for (let n = 0; n < count; n++) seen.push((await request()).status);
  return seen;
}

const BACKENDS = [
  { name: 'in process', environment: (): Record<string, string> => ({}) },
  { name: 'on Redis', environment: () => ({ REDIS_URL: redisUrl() ?? '' }) },
];

for (const { name, environment } of BACKENDS)
  describe.skipIf(name === 'on Redis' && redisUrl() === undefined)(
    `limits ${name} (S1-37, C28, ASVS 2.4.1)`,
    () => {
      // What earlier tests of this file have counted stays in Redis for a minute.
      const fresh = (n: number) =>
        `01a1fa1c-9a39-73c5-b829-${String(apps.length)}${String(n).padStart(11, '0')}`;

      it('count each user and route, say what is left, and refuse the next with 429', async () => {
        const app = await start(environment());
        const user = fresh(1);
        for (let left = 4; left >= 0; left--) {
          // Another id in the path is the same route.
          const answer = await get(app, `/api/limited/mine/${left}`, user);
          expect(answer.status).toBe(200);
          expect(answer.headers.get('ratelimit-policy')).toBe('"user";q=5;w=60');
          expect(answer.headers.get('ratelimit')).toMatch(new RegExp(`^"user";r=${left};t=(59|58)$`));
        }
        const refused = await get(app, '/api/limited/mine/5', user);
        expect(refused.status).toBe(429);
        expect(refused.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(57);
        expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
        expect(refused.headers.get('ratelimit-policy')).toBe('"user";q=5;w=60');
        expect(refused.headers.get('ratelimit')).toMatch(/^"user";r=0;t=5\d$/);
        expect(await refused.json()).toMatchObject({ status: 429, code: 'rate_limited' });
        expect((await get(app, '/api/limited/other', user)).status).toBe(200);
        expect((await get(app, '/api/limited/mine/5', fresh(2))).status).toBe(200);
      });

      it('let no more pass when all come at once', async () => {
        const app = await start(environment());
        const answers = await Promise.all(
          Array.from({ length: 100 }, () => get(app, '/api/limited/other', fresh(3))),
        );
        const passed = answers.filter(({ status }) => status === 200);
        expect([passed.length, answers.filter(({ status }) => status === 429).length]).toEqual([5, 95]);
      });
    },
  );

describe('limits of addresses', () => {
  it('count requests to open routes and those without valid credentials', async () => {
    const app = await start();
    expect(await statuses(4, () => get(app, '/api/limited/open'))).toEqual([200, 200, 200, 429]);
    const bad = () => get(app, '/api/limited/mine/1', 'nobody king');
    const first = await bad();
    expect(first.status).toBe(401);
    expect(first.headers.get('ratelimit')).toMatch(/^"anonymous";r=2;t=\d+$/);
    expect(await statuses(3, bad)).toEqual([401, 401, 429]);
    expect((await get(app, '/api/limited/mine/1')).status).toBe(429);
  });

  it('shut out nobody with valid credentials from the same address', async () => {
    const app = await start();
    expect(await statuses(5, () => get(app, '/api/limited/other'))).toEqual([401, 401, 401, 429, 429]);
    expect((await get(app, '/api/limited/other', USER)).status).toBe(200);
  });

  it('leave out health and the documentation', async () => {
    const app = await start();
    for (const place of ['/api/health/live', '/api/health', '/openapi.json', '/docs']) {
      expect(await statuses(8, () => get(app, place))).toEqual(Array.from({ length: 8 }, () => 200));
      expect((await get(app, place)).headers.get('ratelimit')).toBeNull();
    }
  });

  it('are off at 0', async () => {
    const app = await start({ STEWARD_RATE_LIMIT_USER: '0', STEWARD_RATE_LIMIT_ANONYMOUS: '0' });
    for (const user of [USER, undefined]) {
      const answers = await statuses(10, () => get(app, '/api/limited/open', user));
      expect(answers).toEqual(Array.from({ length: 10 }, () => 200));
    }
    expect((await get(app, '/api/limited/other', USER)).headers.get('ratelimit-policy')).toBeNull();
  });
});

describe('who a client is (ASVS 4.1.3, 15.3.4)', () => {
  const address = async (app: TestApplication, forwarded: string) => {
    const answer = await get(app, '/api/limited/open', undefined, { 'x-forwarded-for': forwarded });
    return answer.status === 429 ? 429 : ((await answer.json()) as { address: string }).address;
  };
  const off = { STEWARD_RATE_LIMIT_ANONYMOUS: '0' };

  it('is what the connection says: nobody gets a fresh limit by forging X-Forwarded-For', async () => {
    const app = await start();
    const seen = [];
    for (let n = 1; n <= 4; n++) seen.push(await address(app, `198.51.100.${n}`));
    expect(seen).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1', 429]);
  });

  it('is what a trusted proxy has added, not what its client has put in front of that', async () => {
    const app = await start({ ...off, STEWARD_TRUSTED_PROXIES: 'loopback,10.0.0.0/8' });
    expect(await address(app, '198.51.100.7')).toBe('198.51.100.7');
    expect(await address(app, '203.0.113.66, 198.51.100.7')).toBe('198.51.100.7');
    expect(await address(app, '203.0.113.66,198.51.100.7, 10.1.2.3')).toBe('198.51.100.7');
    expect(await address(app, '127.0.0.1, 198.51.100.7')).toBe('198.51.100.7');
    expect(await address(app, '[2001:db8::7]:443')).toBe('2001:db8::7');
    expect(await address(app, '')).toBe('127.0.0.1');
  });

  it('is the proxy itself where it says something that is no address', async () => {
    const app = await start({ ...off, STEWARD_TRUSTED_PROXIES: 'loopback' });
    for (const forged of ['unknown', "'; drop table users; --", '999.1.1.1', 'a, b, c', ','.repeat(500)])
      expect([forged, await address(app, forged)]).toEqual([forged, '127.0.0.1']);
  });

  it('is nobody else although another proxy is trusted', async () => {
    const app = await start({ ...off, STEWARD_TRUSTED_PROXIES: '10.0.0.1' });
    expect(await address(app, '198.51.100.7')).toBe('127.0.0.1');
  });
});

describe.skipIf(redisUrl() === undefined)('limits of several processes', () => {
  it('are shared through sorted sets named after S1-37, which end by themselves', async () => {
    const environment = { REDIS_URL: redisUrl() ?? '' };
    const [one, other] = [await start(environment), await start(environment)];
    const seen = await statuses(3, () => get(one, '/api/limited/other', OTHER));
    expect([...seen, ...(await statuses(3, () => get(other, '/api/limited/other', OTHER)))]).toEqual([
      200, 200, 200, 200, 200, 429,
    ]);
    const redis = one.app.get(RedisConnections).open('producer');
    const key = `${one.app.get(Installation).name}:rate:api:${OTHER}:GET:/api/limited/other`;
    expect(await redis.type(key)).toBe('zset');
    expect(await redis.zcard(key)).toBe(5);
    const life = await redis.ttl(key);
    const stamp = (await redis.zrange(key, 0, 0, 'WITHSCORES')).at(1);
    expect(life).toBeGreaterThan(50);
    expect(life).toBeLessThanOrEqual(60);
    expect(Math.abs(Number(stamp) / 1000 - performance.timeOrigin - performance.now())).toBeLessThan(60_000);
  });

  it('go on in each process while Redis is away, and are shared again when it is back', async () => {
    let server: RedisServer = await startRedisServer({ 'maxmemory-policy': 'noeviction' });
    const environment = { REDIS_URL: server.url };
    const [one, other] = [await start(environment), await start(environment)];
    expect((await get(one, '/api/limited/other', USER)).status).toBe(200);
    await server.kill();
    for (const app of [one, other])
      expect(await statuses(7, () => get(app, '/api/limited/other', USER))).toEqual([
        200, 200, 200, 200, 200, 429, 429,
      ]);
    server = await startRedisServer({ 'maxmemory-policy': 'noeviction' }, server.port);
    const redis = one.app.get(RedisConnections).open('producer');
    await until(
      async () => {
        await Promise.all([one, other].map((app) => get(app, '/api/limited/mine/1', OTHER)));
        return (await redis.keys('*:rate:api:*')).length > 0;
      },
      { describe: 'the counting on Redis' },
    );
    await server.kill();
  });
});
