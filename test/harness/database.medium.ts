import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { rclonePresent, redisUrl } from './capabilities.js';
import { createTestDatabase, withClient } from './database.js';

it('clones as many databases at once as tests ask for, each on its own', async () => {
  const databases = await Promise.all(Array.from({ length: 6 }, () => createTestDatabase()));
  const first = databases[0];
  if (first === undefined) throw new Error('no database');
  await withClient(first.url, (client) => client.query('create table only_here ()'));
  const seen = await Promise.all(
    databases.map(({ url }) =>
      withClient(url, async (client) => {
        const { rows } = await client.query<{ there: boolean }>(
          `select to_regclass('only_here') is not null as there`,
        );
        return rows[0]?.there;
      }),
    ),
  );
  expect(seen).toEqual([true, false, false, false, false, false]);
  await Promise.all(databases.map((database) => database.drop()));
});

it('drops a database that is still connected to', async () => {
  const database = await createTestDatabase();
  const client = new Client({ connectionString: database.url });
  client.on('error', () => undefined); // terminated by the drop
  await client.connect();
  await database.drop();
  await client.end();
  await expect(withClient(database.url, () => Promise.resolve())).rejects.toMatchObject({ code: '3D000' });
});

describe.skipIf(redisUrl() === undefined)('with Redis', () => {
  it('has a server of its own', () => {
    expect(redisUrl()).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/);
  });
});

it('knows whether rclone is there', () => {
  expect(rclonePresent()).toBeTypeOf('boolean');
});
