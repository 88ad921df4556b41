import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, withClient, type TestDatabase } from '../../../../test/harness/database.js';
import { openDatabase, type OpenDatabase } from '../../../../test/harness/open-database.js';
import { DepthRepository, MOST_COUNTED } from './depth.repository.js';

let home: TestDatabase;
let open: OpenDatabase;
beforeAll(async () => {
  home = await createTestDatabase();
  open = await openDatabase(home.url);
});
afterAll(async () => {
  await open.close();
  await home.drop();
});

const measure = async () => {
  const queues = await open.database.system('test').tx((tx) => new DepthRepository().measure(tx));
  return Object.fromEntries(queues.map(({ queue, ...depth }) => [queue, depth]));
};
/** Rows as the engine leaves them; `columns` are SQL for each number n. */
const plant = (jobs: number, queue: string, columns: Record<string, string>) =>
  withClient(home.url, (client) =>
    client.query(
      `insert into jobs (id, type, queue, payload, ${Object.keys(columns).join(', ')})
       select gen_random_uuid(), 'send-mail', $1, '{}', ${Object.values(columns).join(', ')} from generate_series(1, $2) as n`,
      [queue, jobs],
    ),
  );
const due = (seconds: number) => ({ run_at: `now() - interval '${seconds} s'`, turn: 'n' });

it('counts by queue what is due, waits for its time, is queued and runs', async () => {
  const nothing = { due: 0, later: 0, queued: 0, running: 0, oldestDueSeconds: 0 };
  expect(await measure()).toEqual({ default: nothing, files: nothing });
  await plant(3, 'files', { ...due(10), priority: '1' });
  await plant(1, 'files', { ...due(100), priority: '10' });
  await plant(2, 'files', { ...due(50), limit_key: `'key'` });
  await plant(4, 'files', { run_at: `now() + interval '1 hour'` });
  await plant(1, 'default', { run_at: `now() + interval '1 hour'` });
  await plant(5, 'default', { run_at: 'null', status: `'queued'` });
  await plant(6, 'default', {
    run_at: 'null',
    status: `'running'`,
    started_at: `clock_timestamp() + interval '1 ms'`,
    lease_epoch: '1',
  });
  await plant(1, 'default', {
    run_at: 'null',
    status: `'cancelled'`,
    cancelled_at: `clock_timestamp() + interval '1 ms'`,
  });
  const { default: quick, files } = await measure();
  expect(quick).toEqual({ ...nothing, later: 1, queued: 5, running: 6 });
  expect(files).toMatchObject({ due: 6, later: 4, queued: 0, running: 0 });
  expect(files?.oldestDueSeconds).toBeGreaterThan(99);
  expect(files?.oldestDueSeconds).toBeLessThan(130);
});

it('tells of the oldest under a limit, too', async () => {
  await plant(1, 'files', { ...due(1000), limit_key: `'slow'` });
  expect((await measure())['files']?.oldestDueSeconds).toBeGreaterThan(999);
});

it('stops counting where more would cost more', async () => {
  await plant(MOST_COUNTED + 500, 'default', due(1));
  expect((await measure())['default']?.due).toBe(MOST_COUNTED);
});
