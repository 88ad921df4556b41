import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createTestDatabase, withClient } from './harness/database.js';
import { tablesOf } from './harness/planted.js';

const text = readFileSync(path.resolve(import.meta.dirname, '../docs/security.md'), 'utf8');

/** Names of columns that hold what opens something. */
const SECRET = /hash|secret|nonce|password|token/;
const namesIn = (cell: string): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);

/** The classes of the columns, by table. */
function classes(): Map<string, { secret: string[]; personal: string[] }> {
  const section = text.slice(
    text.indexOf('## What the columns hold'),
    text.indexOf('## For whoever runs it'),
  );
  const lines = [...section.matchAll(/^\| (`\w+`[^|]*) \|([^|]*)\|([^|]*)\|$/gm)];
  return new Map(
    lines.flatMap(([, tables = '', secret = '', personal = '']) =>
      namesIn(tables).map(
        (table) => [table, { secret: namesIn(secret), personal: namesIn(personal) }] as const,
      ),
    ),
  );
}

// When it fails: docs/security.md, "What the columns hold".
it('ASVS 14.1.1: every table has its line, every named column is there, every secret is called one', async () => {
  const database = await createTestDatabase();
  const tables = await withClient(database.url, (client) => tablesOf(client));
  const documented = classes();
  expect([...documented.keys()].toSorted()).toEqual([...tables.keys()].toSorted());
  for (const [table, { secret, personal }] of documented) {
    const columns = (tables.get(table) ?? []).map(({ name }) => name);
    expect([table, [...secret, ...personal].filter((name) => !columns.includes(name))]).toEqual([table, []]);
    expect([table, columns.filter((name) => SECRET.test(name) && !secret.includes(name))]).toEqual([
      table,
      [],
    ]);
  }
  await database.drop();
});
