import { readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scratch } from '../../../../test/harness/process.js';
import { until } from '../../../../test/harness/until.js';
import { superviseEmbeddedPostgres } from './supervised-postgres.js';

let directory: { path: string; remove: () => Promise<void> };
beforeEach(async () => {
  directory = await scratch();
});
afterEach(() => directory.remove());

const postmaster = async (): Promise<number> =>
  Number(
    (await readFile(path.join(directory.path, 'postgres/cluster/postmaster.pid'), 'utf8')).split('\n')[0],
  );

async function answer(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<{ value: unknown }>(sql)).rows[0]?.value;
  } catch {
    return null;
  } finally {
    await client.end().catch(() => undefined);
  }
}

describe('the supervised embedded server', () => {
  it.each(['SIGKILL', 'SIGQUIT'] as const)(
    'comes back on its port with its data after %s, and stops when released',
    async (signal) => {
      const server = await superviseEmbeddedPostgres({ directory: path.join(directory.path, 'postgres') });
      await answer(server.url, `create table kept as select 'still here' as value`);
      const killed = await postmaster();
      process.kill(killed, signal);
      const value = await until(async () => answer(server.url, `select value from kept`), {
        describe: 'the server to be back',
      });
      expect(value).toBe('still here');
      const again = await postmaster();
      expect(again).not.toBe(killed);
      await server.release();
      expect(await answer(server.url, 'select 1 as value')).toBeNull();
    },
  );

  it('is left stopped once it was released', async () => {
    const server = await superviseEmbeddedPostgres({ directory: path.join(directory.path, 'postgres') });
    await server.release();
    expect(await answer(server.url, 'select 1 as value')).toBeNull();
  });
});
