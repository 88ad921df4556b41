import { readdirSync } from 'node:fs';
import path from 'node:path';
import { DataSource, TableColumn, type EntityMetadata } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dataSourceOptions } from '../src/kernel/database/data-source.js';
import { createTestDatabase, withClient, type TestDatabase } from './harness/database.js';

type EntityClass = new () => object;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  /** Written by the database alone: computed from others, or an identity. */
  readonly generated: boolean;
}

const MODULES = path.resolve(import.meta.dirname, '../src/modules');
const files = readdirSync(MODULES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.entity.ts'))
  .toSorted();

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  const entities = (await Promise.all(files.map(classesOf))).flat();
  dataSource = new DataSource({ ...dataSourceOptions(database.url, 1), entities });
  await dataSource.initialize();
});
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

it.each(files)('%s describes its table as it is', async (file) => {
  const classes = await classesOf(file);
  expect(classes.length).toBeGreaterThan(0);
  for (const one of classes) {
    const metadata = dataSource.getMetadata(one);
    expect(described(metadata)).toEqual(await real(database.url, metadata.tableName));
  }
});

it.each([
  `alter table users add superfluous text`,
  `alter table users drop column full_name`,
  `alter table users alter email_key drop not null`,
  `alter table users alter full_name type varchar(20)`,
  `alter table users alter is_superuser drop expression`,
])('would see: %s', async (change) => {
  const other = await createTestDatabase();
  await withClient(other.url, (client) => client.query(change));
  const users = dataSource.entityMetadatas.find(({ tableName }) => tableName === 'users');
  expect(users && described(users)).not.toEqual(await real(other.url, 'users'));
  await other.drop();
});

async function classesOf(file: string): Promise<EntityClass[]> {
  const module = (await import(path.join(MODULES, file))) as Record<string, unknown>;
  return Object.values(module).filter((one): one is EntityClass => typeof one === 'function');
}

function described({ columns, connection: { driver } }: EntityMetadata): Column[] {
  return columns
    .filter(({ isVirtualProperty }) => !isVirtualProperty)
    .map((column) => ({
      name: column.databaseName,
      type: driver
        .createFullType(
          new TableColumn({
            name: column.databaseName,
            type: driver.normalizeType(column),
            length: driver.getColumnLength(column),
            isArray: column.isArray,
          }),
        )
        .toLowerCase()
        // The same in the standard's words.
        .replace(/ array$/, '[]'),
      nullable: column.isNullable,
      generated: column.asExpression !== undefined || column.generatedIdentity !== undefined,
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

async function real(url: string, table: string): Promise<Column[]> {
  const { rows } = await withClient(url, (client) =>
    client.query<Column>(
      `select attname as name, format_type(atttypid, atttypmod) as type, not attnotnull as nullable,
              (attgenerated <> '' or attidentity <> '') as generated
         from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
      [table],
    ),
  );
  return rows.toSorted((a, b) => a.name.localeCompare(b.name));
}
