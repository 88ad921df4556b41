import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate, migrateDown, migrationStatus } from '../src/kernel/database/migrate.js';
import { catalogueOf } from './harness/catalogue.js';
import { createUnmigratedDatabase, type TestDatabase } from './harness/database.js';

describe('migrations', () => {
  let database: TestDatabase;
  let head: string[];

  beforeAll(async () => {
    database = await createUnmigratedDatabase();
  });
  afterAll(() => database.drop());

  it('go from an empty database to the head, and a second time do nothing', async () => {
    const names = (await migrationStatus(database.url)).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(5);
    expect(await migrate(database.url)).toEqual(names);
    expect(await migrate(database.url)).toEqual([]);
    expect((await migrationStatus(database.url)).every(({ applied }) => applied)).toBe(true);
    head = await catalogueOf(database.url);
    expect(head.join('\n')).toContain('column users.');
  });

  it('can be undone one by one, and from every step on the way up again to the same schema', async () => {
    const names = (await migrationStatus(database.url)).map(({ name }) => name);
    for (let count = 1; count <= names.length; count++) {
      const undone = names.slice(-count);
      expect(await migrateDown(database.url, count)).toEqual(undone.toReversed());
      expect(await migrate(database.url)).toEqual(undone);
      expect(await catalogueOf(database.url)).toEqual(head);
    }
    // Every migration is undone as often as there are older ones.
  }, 180_000);

  it('undone altogether leave nothing but the list of migrations', async () => {
    await migrateDown(database.url, 1000);
    const left = (await catalogueOf(database.url)).filter((line) => !line.includes('schema_migrations'));
    expect(left).toEqual(['extension plpgsql']);
    expect(await migrateDown(database.url, 1)).toEqual([]);
  });
});

it('migrate() of two processes at the same moment succeeds in both and works in one', async () => {
  const database = await createUnmigratedDatabase();
  const [first, second] = await Promise.all([migrate(database.url), migrate(database.url)]);
  const names = (await migrationStatus(database.url)).map(({ name }) => name);
  expect([first, second].toSorted((a, b) => a.length - b.length)).toEqual([[], names]);
  await database.drop();
});
