import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisUrl } from '../../../test/harness/capabilities.js';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/database.js';
import { startRedisServer } from '../../../test/harness/redis-server.js';
import { startTestApplication } from '../../../test/harness/test-application.js';
import { until } from '../../../test/harness/until.js';
import { Health } from '../health/index.js';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

it('is no part of the health report without a URL', async () => {
  const { app } = await startTestApplication(testDatabase.url, [], { STEWARD_ROLE: 'api' });
  expect((await app.get(Health).report()).parts).not.toHaveProperty('redis');
  await app.close();
});

describe.skipIf(redisUrl() === undefined)('with Redis', () => {
  it('degrades the process while Redis is away, and recovers with it', { timeout: 60_000 }, async () => {
    const server = await startRedisServer({ 'maxmemory-policy': 'noeviction' });
    const { app } = await startTestApplication(testDatabase.url, [], {
      STEWARD_ROLE: 'api',
      REDIS_URL: server.url,
    });
    const health = app.get(Health);
    expect((await health.report()).parts['redis']).toMatchObject({ status: 'ok' });
    await server.kill();
    const report = await health.report();
    expect(report.parts['redis']).toMatchObject({ status: 'down' });
    expect(report.status).toBe('degraded');
    const again = await startRedisServer({}, server.port);
    await until(async () => (await health.report()).parts['redis']?.status === 'ok', {
      describe: 'Redis to be back',
    });
    await app.close();
    await again.kill();
  });
});
