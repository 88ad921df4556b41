import { afterEach, beforeEach, expect, it } from 'vitest';
import { RetentionWorld } from '../../../../test/harness/retention.js';

let world: RetentionWorld;
beforeEach(async () => {
  world = await RetentionWorld.start();
});
afterEach(() => world.stop());

it('100,000 jobs are archived and dropped in little memory', async () => {
  // A vacuum of what is new there would hold the month for longer than a cleanup waits; it would come again later.
  await world.client.query(
    `alter table jobs_${world.month.replace('-', '_')} set (autovacuum_enabled = off)`,
  );
  await world.client.query(
    `insert into jobs (id, type, queue, status, payload, created_at, completed_at)
     select overlay(gen_random_uuid()::text placing substr(uuid_v7_floor(at)::text, 1, 13) || '-7' from 1 for 15)::uuid, 'copy', 'files', 'completed',
            jsonb_build_object('text', repeat(md5(n::text), 50)), at, at
       from (select n, ($1 || '-01')::timestamptz + n * interval '20 seconds' as at from generate_series(1, 100000) n) one`,
    [world.month],
  );
  let most = 0;
  const before = process.memoryUsage().rss;
  const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
  const began = performance.now();
  const report = await world.run('jobs');
  const seconds = (performance.now() - began) / 1000;
  clearInterval(timer);
  expect(report).toMatchObject({ removed: 100_000, archived: 100_000, dropped: [`jobs ${world.month}`] });
  const grown = (most - before) / 1024 / 1024;
  if (process.env['STEWARD_TEST_SHOW'] !== undefined)
    process.stdout.write(`100,000 jobs: ${seconds.toFixed(1)} s, ${grown.toFixed(0)} MB more\n`);
  // All of them at once would be more than 160 MB of text alone, and several times that as objects.
  expect(grown).toBeLessThan(300);
}, 300_000);
