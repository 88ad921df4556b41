import { execFile } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redisUrl } from '../harness/capabilities.js';
import { Client } from '../harness/client.js';
import { createTestDatabase, withClient, type TestDatabase } from '../harness/database.js';
import { StewardProcess, scratch } from '../harness/process.js';
import { startRedisServer, type RedisServer } from '../harness/redis-server.js';
import { until } from '../harness/until.js';

/**
 * Two processes of what is shipped. What ends on one is refused on the other within 2 s (ASVS 7.4.1, 7.4.2, 8.3.2),
 * with the messages between them and with every way of losing them. The other one serves the session without a break
 * all the time, so that what it remembers is as fresh as it ever gets.
 */
const LIMIT_MS = 2_000;
const PASSWORD = 'the password of the tests';
const SECRET = 'one signing secret for every process of the test';
const CLI = path.resolve(import.meta.dirname, '../../dist/src/cli.js');

type Loss = 'none' | 'killed' | 'frozen';
const BACKENDS: readonly { name: string; redis: boolean; loss: Loss }[] = [
  { name: 'PostgreSQL alone', redis: false, loss: 'none' },
  { name: 'Redis', redis: true, loss: 'none' },
  { name: 'Redis killed in between', redis: true, loss: 'killed' },
  { name: 'Redis hanging in between', redis: true, loss: 'frozen' },
];

for (const { name, redis: withRedis, loss } of BACKENDS)
  describe.skipIf(withRedis && redisUrl() === undefined)(`revocation on two processes, ${name}`, () => {
    let database: TestDatabase;
    let directory: { path: string; remove: () => Promise<void> };
    let redis: RedisServer | undefined;
    let environment: Record<string, string | undefined>;
    let processes: StewardProcess[] = [];
    let here: string;
    let there: string;
    let operator: Client;
    let people: Person[];

    beforeAll(async () => {
      database = await createTestDatabase();
      directory = await scratch();
      redis = withRedis ? await startRedisServer({ 'maxmemory-policy': 'noeviction' }) : undefined;
      environment = {
        DATABASE_URL: database.url,
        REDIS_URL: redis?.url,
        STEWARD_DATA_DIR: directory.path,
        STEWARD_SECRET: SECRET,
        STEWARD_ADMIN_PASSWORD: PASSWORD,
        STEWARD_ROLE: 'api',
      };
      processes = [StewardProcess.spawn(environment), StewardProcess.spawn(environment)];
      [here, there] = (await Promise.all(processes.map((one) => one.url()))) as [string, string];
      operator = await Client.login(here, 'admin@steward.local', PASSWORD);
      people = [];
      for (let n = 0; n < 6; n++) people.push(await newPerson(n));
      // What lives on these connections is lost from here on.
      if (loss === 'killed') await redis?.kill();
      if (loss === 'frozen') redis?.freeze();
    });
    afterAll(async () => {
      await Promise.all(processes.map((one) => one.end('SIGKILL')));
      if (loss !== 'killed') await redis?.kill();
      await database.drop();
      await directory.remove();
    });

    interface Person {
      readonly id: string;
      readonly email: string;
      readonly client: Client;
    }

    async function newPerson(n: number): Promise<Person> {
      const email = `person-${n}@example.org`;
      const { id } = await operator.call<{ id: string }>('POST', '/api/users', {
        email,
        password: PASSWORD,
        role: 'admin',
      });
      return { id, email, client: await Client.login(here, email, PASSWORD) };
    }

    /**
     * Milliseconds from the end of `act` until the other process answers with `expected`, which it then keeps to.
     * Asked every few milliseconds.
     */
    async function delayOf(client: Client, place: string, expected: number, act: () => Promise<unknown>) {
      const far = client.at(there);
      const answers: { status: number; began: number }[] = [];
      const done = new AbortController();
      const asking = (async () => {
        while (!done.signal.aborted) {
          const began = performance.now();
          answers.push({ status: (await far.request('GET', place)).status, began });
          await sleep(10);
        }
      })();
      try {
        await until(() => answers.length > 10, { describe: 'the other process to serve the session' });
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
        await act();
        const acted = performance.now();
        const first = await until(() => answers.find(({ status }) => status === expected), {
          describe: `the other process to answer ${expected}`,
        });
        const later = answers.length + 10;
        await until(() => answers.length > later, { describe: 'further answers' });
        // Once refused, always refused.
        const after = answers.slice(answers.indexOf(first)).map(({ status }) => status);
        expect(new Set(after)).toEqual(new Set([expected]));
        return Math.max(0, first.began - acted);
      } finally {
        done.abort();
        await asking;
      }
    }

    const me = '/api/users/me';

    it('logging out', async ({ annotate }) => {
      const { client } = people[0]!;
      const delay = await delayOf(client, me, 401, () => client.call('POST', '/api/auth/logout'));
      await annotate(`${delay.toFixed(0)} ms`);
      expect(delay).toBeLessThan(LIMIT_MS);
    });

    it('ending all sessions from another one', async ({ annotate }) => {
      const { client, email } = people[1]!;
      const other = await Client.login(here, email, PASSWORD);
      const delay = await delayOf(client, me, 401, () => other.call('POST', '/api/auth/logout-all'));
      await annotate(`${delay.toFixed(0)} ms`);
      expect(delay).toBeLessThan(LIMIT_MS);
    });

    it('deactivating the user', async ({ annotate }) => {
      const { client, id } = people[2]!;
      const delay = await delayOf(client, me, 401, () =>
        operator.call('PATCH', `/api/users/${id}`, { isActive: false }),
      );
      await annotate(`${delay.toFixed(0)} ms`);
      expect(delay).toBeLessThan(LIMIT_MS);
    });

    it('taking a role away', async ({ annotate }) => {
      const { client, id } = people[3]!;
      const delay = await delayOf(client, '/api/users?limit=1', 403, () =>
        operator.call('PATCH', `/api/users/${id}`, { role: 'user' }),
      );
      await annotate(`${delay.toFixed(0)} ms`);
      expect(delay).toBeLessThan(LIMIT_MS);
    });

    it('a new password from the command line, which knows no Redis', async ({ annotate }) => {
      const { client, email } = people[4]!;
      const delay = await delayOf(client, me, 401, () =>
        promisify(execFile)(process.execPath, [CLI, 'admin', 'reset-password', email], {
          env: { PATH: process.env['PATH'], ...environment },
          cwd: directory.path,
        }),
      );
      await annotate(`${delay.toFixed(0)} ms`);
      expect(delay).toBeLessThan(LIMIT_MS);
    });

    it('a statement in the database that nobody announces', async ({ annotate }) => {
      const { client, id } = people[5]!;
      const delay = await delayOf(client, me, 401, () =>
        withClient(database.url, (sql) =>
          sql.query('update sessions set revoked_at = now() where user_id = $1', [id]),
        ),
      );
      await annotate(`${delay.toFixed(0)} ms`);
      expect(delay).toBeLessThan(LIMIT_MS);
    });
  });
