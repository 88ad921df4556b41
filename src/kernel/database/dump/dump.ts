import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { systemContext } from '../row-context.js';
import { planDump, type DumpPlan, type DumpedTable } from './dump-plan.js';
import { headOf, END_OF_DUMP } from './dump-format.js';

export interface DumpOptions {
  /** Database to dump; a user who may read all tables is enough. */
  readonly url: string;
  /** Name of the last migration of this build: what the tables look like. */
  readonly schema: string;
  readonly signal?: AbortSignal | undefined;
  /** After each table, with how many rows it had. */
  readonly onTable?: (name: string, rows: number) => void;
}

/**
 * All rows of the database as they were at one moment, as SQL that fills a database of the same schema again: for
 * `restoreDump`, or for `psql` by hand. One statement in each line. Streams, so any size costs the same memory.
 *
 * The snapshot keeps vacuum from removing what is deleted meanwhile, as every long read does; nobody waits for it.
 */
export async function* dump(options: DumpOptions): AsyncGenerator<Uint8Array> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: 'steward dump',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  let broken: Error | undefined;
  client.on('error', (error) => (broken = error));
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    await client.query('set local statement_timeout = 0');
    await client.query(`set local timezone = 'UTC'`);
    const { text: context, values } = systemContext('dump');
    await client.query(context, [...values]);
    const plan = await planDump(client);
    yield text(before(plan, options, await momentOf(client)));
    for (const table of plan.tables) {
      yield text(`copy ${table.name} (${table.columns.join(', ')}) from stdin;\n`);
      // The query form: it is the only one for a table by months.
      const rows = client.query(
        copyTo(`copy (select ${table.columns.join(', ')} from ${table.name}) to stdout`),
      );
      for await (const chunk of rows) {
        options.signal?.throwIfAborted();
        yield chunk as Uint8Array;
      }
      if (broken) throw broken;
      yield text('\\.\n');
      options.onTable?.(table.name, rows.rowCount);
    }
    yield text(after(plan));
    await client.query('commit');
  } finally {
    // Not waited for: the server ends a statement in the middle when its connection is gone.
    void client.end().catch(() => undefined);
  }
}

const text = (sql: string): Uint8Array => Buffer.from(sql, 'utf8');

async function momentOf(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ at: Date }>('select now() as at');
  return rows[0]?.at.toISOString() ?? '';
}

function before({ tables, server }: DumpPlan, { schema }: DumpOptions, at: string): string {
  const names = tables.map(({ name }) => name).join(', ');
  return lines([
    headOf({ schema, at }),
    `-- PostgreSQL ${server}. Every statement is in a line of its own.`,
    `begin;`,
    `set local client_encoding = 'UTF8';`,
    `set local timezone = 'UTC';`,
    `set local statement_timeout = 0;`,
    // Rows that were right together are put back together: nothing is counted or refused again on their way in.
    ...tables.flatMap(({ name, forced }) => [
      `alter table ${name} disable trigger user;`,
      ...(forced ? [`alter table ${name} no force row level security;`] : []),
    ]),
    // Before the partitions: rows that a default partition took for their months would be in the way.
    `truncate ${names};`,
    ...tables.flatMap(({ partitions }) => partitions.map((statement) => `${statement};`)),
  ]);
}

function after({ tables }: DumpPlan): string {
  return lines([
    ...tables.flatMap(sequencesOf),
    ...tables.flatMap(({ name, forced }) => [
      ...(forced ? [`alter table ${name} force row level security;`] : []),
      `alter table ${name} enable trigger user;`,
    ]),
    `commit;`,
    END_OF_DUMP,
  ]);
}

const sequencesOf = ({ name, counted }: DumpedTable): string[] =>
  counted.map(
    (column) =>
      `select setval(pg_get_serial_sequence('${name}', '${column}'), coalesce((select max(${column}) from ${name}), 0) + 1, false);`,
  );

const lines = (statements: readonly string[]): string =>
  statements.map((statement) => `${statement}\n`).join('');
