import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, withClient, type TestDatabase } from '../../../test/harness/database.js';
import { ExplainedReads } from '../../../test/harness/explained.js';
import { newId } from '../../kernel/database/index.js';
import { JobEntity } from './job.entity.js';
import { JobsListRepository, type JobFilter } from './jobs-list.repository.js';

/** Of one user, nearly all of them completed; what is asked for lies far behind. */
const JOBS = 100_000;
const OTHERS = 20_000;
const RARE = 40;
const ANN = newId();
const BOB = newId();
const SCHEDULE = newId();

let database: TestDatabase;
let mine: ExplainedReads;
let everything: ExplainedReads;
const lists = new JobsListRepository();

beforeAll(async () => {
  database = await createTestDatabase();
  await withClient(database.url, async (client) => {
    await client.query(
      `insert into users (id, email, email_key) values ($1, 'ann@lists.test', 'ann@lists.test'), ($2, 'bob@lists.test', 'bob@lists.test')`,
      [ANN, BOB],
    );
    // One a second, the newest now; the oldest ones are of each kind in turns.
    await client.query(
      `insert into jobs (id, user_id, type, queue, payload, status, run_at, completed_at, cancelled_at, error, schedule_id, created_at)
       select uuidv7(make_interval(secs => n - $2)), $1, case when n <= 6 * $3 and n % 2 = 0 then 'rare' else 'common' end, 'q', '{}', kind,
              case when kind = 'pending' then timestamptz '2999-01-01' end,
              case when kind in ('completed', 'failed') then now() end, case when kind = 'cancelled' then now() end,
              case when kind = 'failed' then 'It did not work.' end, case when n <= 6 * $3 then $4::uuid end, now() + make_interval(secs => n - $2)
         from (select n, case when n <= 6 * $3 then (array['pending', 'queued', 'running', 'completed', 'failed', 'cancelled'])[1 + n % 6] else 'completed' end as kind
                 from generate_series(1, $2::integer) n) made`,
      [ANN, JOBS, RARE, SCHEDULE],
    );
    await client.query(
      `insert into jobs (id, user_id, type, queue, payload, run_at)
       select uuidv7(), $1, 'common', 'q', '{}', '2999-01-01' from generate_series(1, $2::integer)`,
      [BOB, OTHERS],
    );
    await client.query('vacuum analyze jobs');
  });
  const actor = { type: 'user', sessionId: newId() } as const;
  mine = await ExplainedReads.open(database.url, [JobEntity], { ...actor, userId: ANN, role: 'user' });
  everything = await ExplainedReads.open(database.url, [JobEntity], {
    ...actor,
    userId: newId(),
    role: 'admin',
  });
});
afterAll(async () => {
  await mine.close();
  await everything.close();
  await database.drop();
});

const page = (filter: JobFilter, cursor?: string, reads = mine) =>
  reads.costOf((read) => lists.page(read, { ...filter, limit: 20, cursor }));
/** All of them, a page at a time. */
async function all(filter: JobFilter, reads = mine): Promise<JobEntity[]> {
  const found: JobEntity[] = [];
  for (;;) {
    const { answer } = await page(filter, found.at(-1)?.id, reads);
    found.push(...answer.slice(0, 20));
    if (answer.length <= 20) return found;
  }
}

const STATUSES = ['pending', 'queued', 'running', 'failed', 'cancelled'] as const;

describe('a page', () => {
  it.each(STATUSES)(
    'of the few that are %s costs the same behind 100,000 others, at any depth',
    async (status) => {
      const filter = { userId: ANN, status };
      const first = await page(filter);
      expect(first.answer).toHaveLength(21);
      const second = await page(filter, first.answer[19]?.id);
      expect(second.answer).toHaveLength(RARE - 20);
      const none = await page({ ...filter, type: 'none' });
      for (const { pages, indexes } of [first, second, none]) expect(pages, indexes.join()).toBeLessThan(100);
      expect((await all(filter)).every((job) => job.status === status && job.userId === ANN)).toBe(true);
    },
  );

  it.each(STATUSES)('for admins of all that are %s does, too', async (status) => {
    const first = await page({ status }, undefined, everything);
    const second = await page({ status }, first.answer[19]?.id, everything);
    expect([first.answer.length, second.answer.length]).toEqual([21, status === 'pending' ? 21 : 20]);
    for (const { pages, indexes } of [first, second]) expect(pages, indexes.join()).toBeLessThan(100);
  });

  it('of all costs the same at the beginning and behind 90,000', async () => {
    const filter = { userId: ANN };
    const first = await page(filter);
    const deep = await page(filter, await idBehind(90_000));
    expect([first.answer.length, deep.answer.length]).toEqual([21, 21]);
    for (const { pages, indexes } of [first, deep]) expect(pages, indexes.join()).toBeLessThan(60);
  });

  it('of a schedule reads its jobs alone', async () => {
    const first = await page({ userId: ANN, scheduleId: SCHEDULE });
    expect(first.answer).toHaveLength(21);
    expect(first.pages).toBeLessThan(100);
    expect((await page({ userId: ANN, scheduleId: newId() })).pages).toBeLessThan(60);
  });

  it('of a type passes over other types inside the index', async () => {
    const { answer, pages, indexes } = await page({ userId: ANN, type: 'rare' });
    expect(answer).toHaveLength(21);
    // Their rows would be some thousand pages more.
    expect(pages, indexes.join()).toBeLessThan(1_000);
  });

  it('of a time reads that time, wherever it lies', async () => {
    const at = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1000);
    const [createdAfter, createdBefore] = [at(80_000), at(79_990)];
    const { answer, pages, indexes } = await page({ userId: ANN, createdAfter, createdBefore });
    expect(answer.length).toBeGreaterThan(8);
    expect(answer.length).toBeLessThan(12);
    // Up to five minutes before it and an hour behind it are looked at, because ids and creation may differ.
    expect(pages, indexes.join()).toBeLessThan(600);
    expect((await page({ userId: ANN, createdBefore })).pages).toBeLessThan(100);
    expect((await page({ userId: ANN, createdAfter: at(-3600 * 2) })).pages).toBeLessThan(60);
  });
});

describe('bounds of time', () => {
  it('hold to the millisecond, whatever clock has made the id', async () => {
    const ids = await withClient(database.url, async (client) => {
      const { rows } = await client.query<{ id: string }>(
        `insert into jobs (id, user_id, type, queue, payload, run_at, created_at)
         select uuidv7(drift), $1, 'drift', 'q', '{}', '2999-01-01', date_trunc('milliseconds', now())
           from unnest(array[interval '-50 minutes', interval '0', interval '4 minutes']) drift
         returning id`,
        [ANN],
      );
      return rows.map(({ id }) => id);
    });
    const created = (await all({ userId: ANN, type: 'drift' })).map((job) => job.createdAt.getTime());
    expect(created).toHaveLength(3);
    const at = created[0] ?? 0;
    const found = async (after: number, before: number) =>
      (
        await all({
          userId: ANN,
          type: 'drift',
          createdAfter: new Date(at + after),
          createdBefore: new Date(at + before),
        })
      ).map(({ id }) => id);
    expect((await found(-1, 1)).toSorted()).toEqual(ids.toSorted());
    expect(await found(1, 1000)).toEqual([]);
    expect(await found(-1000, 0)).toEqual([]);
  });

  it.each([
    ['1970-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', true],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z', false],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z', false],
  ])('may be as far away as they can be written: %s to %s', async (after, before, some) => {
    const { answer } = await page(
      { createdAfter: new Date(after), createdBefore: new Date(before) },
      undefined,
      everything,
    );
    expect(answer.length > 0).toBe(some);
  });
});

const idBehind = async (place: number): Promise<string> =>
  withClient(database.url, async (client) => {
    const { rows } = await client.query<{ id: string }>(
      `select id from jobs where user_id = $1 order by id desc offset $2 limit 1`,
      [ANN, place],
    );
    return rows[0]!.id;
  });
