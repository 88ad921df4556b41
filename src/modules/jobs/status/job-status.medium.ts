import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobsDesk, type Person } from '../../../../test/harness/jobs-desk.js';
import type { JobStatusList, JobStatusView } from './job-status.schema.js';

let desk: JobsDesk;
let ann: Person;
let bob: Person;
beforeAll(async () => {
  desk = await JobsDesk.start();
  ann = await desk.person();
  bob = await desk.person();
});
afterAll(() => desk.stop());

const one = (id: string, as = ann) => desk.call<JobStatusView>(as, 'GET', `/jobs/status?jobId=${id}`);
const list = (query = '', as = ann) => desk.call<JobStatusList>(as, 'GET', `/jobs/status${query}`);
const refusal = (query: string, as = ann) => desk.refusal(as, 'GET', `/jobs/status?${query}`);

describe('one job', () => {
  it('has the earlier shape: percent beside the detail, milliseconds, failedAt', async () => {
    const id = await desk.job(ann, 'failed', {
      payload: { label: 'سلام 안녕' },
      progress: 40,
      progress_detail: { files: 7, percent: 'mine' },
      created_at: '2026-11-01T00:00:00Z',
      started_at: '2026-11-01T00:00:01Z',
      completed_at: '2026-11-01T00:00:03.5Z',
      updated_at: '2026-11-01T00:00:03.5Z',
      error: 'It did not work.',
    });
    expect((await one(id)).body).toEqual({
      id,
      type: 'probe',
      status: 'failed',
      userId: ann.id,
      payload: { label: 'سلام 안녕' },
      progress: { files: 7, percent: 40 },
      result: null,
      error: 'It did not work.',
      duration: 2500,
      createdAt: '2026-11-01T00:00:00.000Z',
      startedAt: '2026-11-01T00:00:01.000Z',
      completedAt: '2026-11-01T00:00:03.500Z',
      failedAt: '2026-11-01T00:00:03.500Z',
      updatedAt: '2026-11-01T00:00:03.500Z',
    });
    const waiting = await one(await desk.job(ann, 'pending'));
    expect(waiting.body).toMatchObject({
      progress: { percent: 0 },
      duration: null,
      failedAt: null,
      completedAt: null,
    });
  });

  it('is not there for others, except for admins', async () => {
    const id = await desk.job(ann, 'completed');
    const admin = await desk.person('admin');
    expect([(await one(id)).status, (await one(id, bob)).status, (await one(id, admin)).status]).toEqual([
      200, 404, 200,
    ]);
  });
});

describe('the list', () => {
  it('counts rows, newest first, ten unless told', async () => {
    const owner = await desk.person();
    const ids: string[] = [];
    for (let n = 0; n < 13; n += 1) ids.unshift(await desk.job(owner, 'completed'));
    const seen = async (query: string) => {
      const { body } = await list(query, owner);
      return [body.items.map(({ id }) => ids.indexOf(id)).join(' '), body.limit, body.offset, body.total];
    };
    expect(await seen('')).toEqual(['0 1 2 3 4 5 6 7 8 9', 10, 0, 13]);
    expect(await seen('?limit=10&offset=0')).toEqual(['0 1 2 3 4 5 6 7 8 9', 10, 0, 13]);
    expect(await seen('?limit=5&offset=10')).toEqual(['10 11 12', 5, 10, 13]);
    expect(await seen('?offset=10000')).toEqual(['', 10, 10_000, 13]);
    expect((await list('', bob)).body).toMatchObject({ items: [], total: 0 });
  });

  it('counts no further than offsets go', async () => {
    const owner = await desk.person();
    const fill = (count: number) =>
      desk.sql(
        `insert into jobs (id, user_id, type, queue, payload, run_at) select uuidv7(), $1, 'probe', 'q', '{}', '2999-01-01' from generate_series(1, $2::integer)`,
        [owner.id, count],
      );
    await fill(10_000);
    expect((await list('?limit=1&offset=9999', owner)).body).toMatchObject({ items: [{}], total: 10_000 });
    await fill(1);
    expect((await list('?limit=1&offset=10000', owner)).body).toMatchObject({ items: [{}], total: null });
  });
});

it.each([
  ['jobId=job-123', '/jobId'],
  ['jobId=job:1', '/jobId'],
  ['jobId=', '/jobId'],
  ['jobId=01990000-0000-7000-8000-000000000000&limit=1', '/limit'],
  ['jobId=01990000-0000-7000-8000-000000000000&limit=1&offset=0', '/limit /offset'],
  ['jobId=01990000-0000-7000-8000-000000000000&jobId=01990000-0000-7000-8000-000000000001', '/jobId'],
  ['limit=0', '/limit'],
  ['limit=101', '/limit'],
  ['limit=1e1', '/limit'],
  ['limit=%D9%A1%D9%A0', '/limit'],
  ['limit=99999999999999999999', '/limit'],
  ['offset=-1', '/offset'],
  ['offset=10001', '/offset'],
  ['cursor=01990000-0000-7000-8000-000000000000', '/cursor'],
  ['status=failed', '/status'],
])('refuses ?%s', async (query, pointers) => {
  expect(await refusal(query)).toBe(`400 validation_failed ${pointers}`);
});

it('knows nothing of a job that never was', async () => {
  expect(await refusal('jobId=01990000-0000-7000-8000-000000000000')).toBe('404 not_found');
});
