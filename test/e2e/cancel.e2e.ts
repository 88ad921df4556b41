import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobView } from '../../src/modules/jobs/jobs.schema.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { rclonePresent } from '../harness/capabilities.js';
import { Client } from '../harness/client.js';
import { createTestDatabase, type TestDatabase } from '../harness/database.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { until } from '../harness/until.js';

const PASSWORD = 'the password of the tests';
/** Copies at the same time, as many as run into one remote; each round cancels all of them. */
const AT_ONCE = 4;
const ROUNDS = 3;

describe.skipIf(!rclonePresent())('with rclone', () => {
  describeOnBothQueues('cancelling what another process runs', (redis) => {
    let database: TestDatabase;
    let directory: { path: string; remove: () => Promise<void> };
    let sql: pg.Client;
    const processes: StewardProcess[] = [];
    let client: Client;
    const remotes: string[] = [];

    const start = (role: string): StewardProcess => {
      const one = StewardProcess.spawn({
        DATABASE_URL: database.url,
        REDIS_URL: redis,
        STEWARD_DATA_DIR: directory.path,
        STEWARD_SECRET: 'one signing secret for every process of the test',
        STEWARD_ADMIN_PASSWORD: PASSWORD,
        STEWARD_ROLE: role,
      });
      processes.push(one);
      return one;
    };

    beforeAll(async () => {
      database = await createTestDatabase();
      directory = await scratch();
      sql = new pg.Client({ connectionString: database.url });
      await sql.connect();
      for (const folder of ['from', 'to'])
        await mkdir(path.join(directory.path, 'files', folder), { recursive: true });
      await writeFile(path.join(directory.path, 'files/from/one.bin'), randomBytes(20_000_000));
      const api = start('api');
      client = await Client.login(await api.url(), 'admin@steward.local', PASSWORD);
      await start('worker').running();
      for (const folder of ['from', 'to']) {
        const root = path.join(directory.path, 'files', folder);
        const body = { name: folder, type: 'local', root };
        remotes.push((await client.call<{ id: string }>('POST', '/api/remotes', body)).id);
      }
    });
    afterAll(async () => {
      await Promise.all(processes.map((one) => one.end('SIGKILL')));
      await sql.end();
      await database.drop();
      await directory.remove();
    });

    /** Copies that would take minutes, all under way. */
    const copies = async (): Promise<string[]> => {
      const ids: string[] = [];
      for (let n = 0; n < AT_ONCE; n++) {
        const payload = {
          source: { remoteId: remotes[0], path: '/' },
          destination: { remoteId: remotes[1], path: `/${crypto.randomUUID()}` },
          options: { bandwidthLimit: 50_000 },
        };
        ids.push((await client.call<JobView>('POST', '/api/jobs', { type: 'copy', payload })).id);
      }
      await until(
        async () => {
          const { rowCount } = await sql.query(
            `select from jobs where id = any($1::uuid[]) and status = 'running' and progress_detail is not null`,
            [ids],
          );
          return rowCount === AT_ONCE;
        },
        { describe: 'the copies to be under way' },
      );
      return ids;
    };
    /** From the request to the end, on the database's clock, for each of the jobs, the longest last. */
    const latencies = async (ids: readonly string[]): Promise<number[]> => {
      const { rows } = await until(
        async () => {
          const found = await sql.query<{ ms: number }>(
            `select extract(epoch from cancelled_at - cancel_requested_at)::float * 1000 as ms from jobs
                where id = any($1::uuid[]) and status = 'cancelled'`,
            [ids],
          );
          return found.rowCount === ids.length ? found : null;
        },
        { describe: 'all to be cancelled' },
      );
      return rows.map(({ ms }) => ms).toSorted((a, b) => a - b);
    };

    it('takes the time of a message', async () => {
      const all: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const ids = await copies();
        for (const id of ids)
          expect((await client.call<JobView>('POST', `/api/jobs/${id}/cancel`)).cancelRequested).toBe(true);
        all.push(...(await latencies(ids)));
      }
      // The next beat alone brings it within 5 s, so without messages hardly one round would end within half of that.
      expect(Math.max(...all)).toBeLessThan(2_500);
    });

    it('takes no more than two beats when every message is lost', async () => {
      const ids = await copies();
      await sql.query(`update jobs set cancel_requested_at = clock_timestamp() where id = any($1::uuid[])`, [
        ids,
      ]);
      expect((await latencies(ids)).at(-1)).toBeLessThan(10_000);
    });
  });
});
