import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Gauge, everywhere } from '../../../../test/factories/limited-jobs.js';
import { JobCrew } from '../../../../test/harness/job-crew.js';
import { until } from '../../../../test/harness/until.js';

const many = (count: number, type: string, payload: (n: number) => object) =>
  Array.from({ length: count }, (_, n) => ({ type, payload: payload(n) }));

let crew: JobCrew;
beforeAll(async () => {
  crew = await JobCrew.start(3);
});
afterAll(() => crew.stop());

describe('limits with three dispatchers and three workers', () => {
  it('a global one is reached and never exceeded', async () => {
    await crew.create(many(45, 'test-global', () => ({ key: 'any', ms: 60 })));
    await crew.done('test-global');
    expect(await crew.mostInFlight('test-global')).toEqual({ '*': 3, '': 3 });
    expect(everywhere.mostOf('Global')).toBe(3);
  });

  it('a global one holds for jobs that share hints, too', async () => {
    await crew.create(many(60, 'test-hints', () => ({ key: 'any' })));
    await crew.done('test-hints');
    expect(await crew.mostInFlight('test-hints')).toEqual({ '*': 4, '': 4 });
    expect(everywhere.mostOf('Hints')).toBeLessThanOrEqual(4);
  });

  it('one per key is reached by each key and exceeded by none, whatever the others do', async () => {
    await crew.create(many(2, 'test-keyed', () => ({ key: 'stuck', ms: 60_000 })));
    await until(() => everywhere.mostOf('Keyed stuck') === 2, { describe: 'the stuck key to be full' });
    const behind = await crew.create(many(30, 'test-keyed', () => ({ key: 'stuck' })));
    await crew.create(many(60, 'test-keyed', (n) => ({ key: `ключ ${n % 5} 😀`, ms: 60 })));
    const others = () =>
      crew.sql(
        `select 1 from jobs where type = 'test-keyed' and payload ->> 'key' <> 'stuck' and status <> 'completed'`,
      );
    await until(async () => (await others()).length === 0, { describe: 'the other keys to be done' });
    const waiting = await crew.sql(`select 1 from jobs where id = any($1) and status = 'pending'`, [behind]);
    expect(waiting).toHaveLength(30);
    const { '*': _, ...most } = await crew.mostInFlight('test-keyed');
    expect(Object.values(most)).toEqual([2, 2, 2, 2, 2, 2]);
    expect(most['stuck']).toBe(2);
    const running = [0, 1, 2, 3, 4].map((key) => everywhere.mostOf(`Keyed ключ ${key} 😀`));
    expect(Math.max(...running)).toBe(2);
    await crew.sql(
      `update jobs set cancel_requested_at = now() where type = 'test-keyed' and status = 'running'`,
    );
    await until(
      async () =>
        (await crew.sql(`select 1 from jobs where id = any($1) and status <> 'completed'`, [behind]))
          .length === 0,
      { describe: 'those behind the stuck ones to be done' },
    );
    expect((await crew.mostInFlight('test-keyed'))['stuck']).toBe(2);
  });

  it('both together hold at the same time', async () => {
    await crew.create(many(60, 'test-both', (n) => ({ key: `k${n % 4}`, ms: 60 })));
    await crew.done('test-both');
    const { '*': inAll, ...most } = await crew.mostInFlight('test-both');
    expect(inAll).toBe(4);
    expect(Math.max(...Object.values(most))).toBeLessThanOrEqual(2);
    expect(everywhere.mostOf('Both')).toBeLessThanOrEqual(4);
  });

  it('one per process is kept by each, and all of them together have as many places', async () => {
    await crew.create(many(45, 'test-places', () => ({ key: 'any', ms: 80 })));
    await crew.done('test-places');
    const each = crew.apps.map((app) => app.get(Gauge).mostOf('Places'));
    expect(each).toEqual([2, 2, 2]);
    expect(everywhere.mostOf('Places')).toBeLessThanOrEqual(6);
    expect(Math.max(...Object.values(await crew.mostInFlight('test-places')))).toBe(6);
    const spent = await crew.sql(
      `select 1 from jobs where type = 'test-places' and (retry_count > 0 or crash_count > 0)`,
    );
    expect(spent).toEqual([]);
  });

  it('a rate holds over every window of the database’s time, and is used up', async () => {
    await crew.create(many(23, 'test-rate', () => ({ key: 'any' })));
    await crew.done('test-rate');
    const rows = await crew.sql<{ apart: number }>(
      `select extract(epoch from dispatched_at - lag(dispatched_at, 5) over (order by dispatched_at))::double precision as apart
         from jobs where type = 'test-rate'`,
    );
    const apart = rows.flatMap(({ apart: seconds }) => seconds ?? []);
    expect(apart).toHaveLength(18);
    expect(Math.min(...apart)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...apart)).toBeLessThan(3);
  });

  it('a rate per key holds each key by itself', async () => {
    await crew.create(many(8, 'test-rate-key', (n) => ({ key: `k${n % 2}` })));
    const ended = async () =>
      (
        await crew.sql<{ key: string }>(
          `select payload ->> 'key' as key from jobs where type = 'test-rate-key' and status = 'completed'`,
        )
      ).map(({ key }) => key);
    await until(async () => (await ended()).length === 4, { describe: 'two of each key to be done' });
    expect((await ended()).toSorted()).toEqual(['k0', 'k0', 'k1', 'k1']);
    expect(everywhere.mostOf('RatedByKey')).toBe(1);
  });
});
