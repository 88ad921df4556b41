import pg from 'pg';

/** What a process of Steward that serves or works is connected as; a command is so only to watch the server. */
const AT_WORK = ['steward', 'steward hub', 'steward queue'];

/** Connections of processes of Steward that use this database. */
export async function otherProcesses(url: string): Promise<number> {
  return countIn(
    url,
    `select count(*)::integer as n from pg_stat_activity
      where datname = current_database() and application_name = any ($1)`,
    [AT_WORK],
  );
}

/** None where the tables are not there yet. */
export async function usersIn(url: string): Promise<number> {
  const tables = await countIn(url, `select count(to_regclass('users'))::integer as n`);
  return tables === 0 ? 0 : countIn(url, `select count(*)::integer as n from users`);
}

async function countIn(url: string, statement: string, values: readonly unknown[] = []): Promise<number> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'steward restore',
    connectionTimeoutMillis: 10_000,
    // The owner of the tables is bound by their policies, too, and would see nobody.
    options: '-c steward.system=restore',
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ n: number }>(statement, [...values]);
    return rows[0]?.n ?? 0;
  } finally {
    await client.end();
  }
}
