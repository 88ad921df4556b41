import { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, withClient, type TestDatabase } from '../../../test/harness/database.js';
import { until } from '../../../test/harness/until.js';
import { dataSourceOptions } from '../database/data-source.js';
import { Database, newId } from '../database/index.js';
import { Log } from '../log/index.js';
import { IdempotencyExpiry } from './idempotency-expiry.js';
import { IdempotencyRepository } from './idempotency.repository.js';

let database: TestDatabase;
let dataSource: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  dataSource = new DataSource(dataSourceOptions(database.url, 2));
  await dataSource.initialize();
});
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

it('removes the keys whose 24 hours are over and keeps the others', async () => {
  const log = Log.create({ level: 'fatal', format: 'json' });
  const expiry = new IdempotencyExpiry(new Database(dataSource), new IdempotencyRepository(), log);
  await withClient(database.url, async (client) => {
    const user = newId();
    await client.query(
      `insert into users (id, email, email_key) values ($1, 'a@example.org', 'a@example.org')`,
      [user],
    );
    for (const age of ['23 hours 59 minutes', '24 hours 1 second', '30 days'])
      await client.query(
        `insert into idempotency_keys (user_id, route, key, body_hash, response, created_at)
         values ($1, 'POST /api/jobs', $2, '', '{}', now() - $2::text::interval)`,
        [user, age],
      );
    expiry.tick();
    const left = await until(
      async () => {
        const { rows } = await client.query<{ key: string }>('select key from idempotency_keys');
        return rows.length < 3 && rows.map(({ key }) => key);
      },
      { describe: 'the keys to be removed' },
    );
    expect(left).toEqual(['23 hours 59 minutes']);
  });
  await expiry.beforeApplicationShutdown();
});
