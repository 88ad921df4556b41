import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobsDesk, type Person, type ProblemBody } from '../../../../test/harness/jobs-desk.js';
import { ProbeJob } from '../../../../test/fixtures/probe-job.js';
import type { BulkJobsView } from './bulk-jobs.schema.js';

let desk: JobsDesk;
let ann: Person;
beforeAll(async () => {
  desk = await JobsDesk.start();
  ann = await desk.person();
});
afterAll(() => desk.stop());

const LATER = '2999-01-01T00:00:00Z';
const probe = (label: string, more: object = {}) => ({
  type: 'probe',
  payload: { label, ...more },
  scheduledFor: LATER,
});
const bulk = (items: unknown, headers: Record<string, string> = {}, as = ann) =>
  desk.call<BulkJobsView & ProblemBody>(as, 'POST', '/jobs/bulk', { items }, headers);
const errorOf = (item: BulkJobsView['items'][number] | undefined) =>
  item && 'error' in item
    ? [item.error.status, item.error.code, ...item.error.errors.map(({ pointer }) => pointer)].join(' ')
    : 'accepted';
const idsOf = (view: BulkJobsView): string[] => view.items.flatMap((item) => ('id' in item ? item.id : []));
const count = async (owner: Person): Promise<number> =>
  Number((await desk.sql<{ n: string }>(`select count(*) n from jobs where user_id = $1`, [owner.id]))[0]?.n);

describe('many jobs by one request', () => {
  it('makes 999 and says which one of 1000 is wrong, and where', async () => {
    const owner = await desk.person();
    const items = Array.from({ length: 1000 }, (_, n) => probe(n === 17 ? 'x'.repeat(51) : `سلام 안녕 ${n}`));
    const { status, body } = await bulk(items, {}, owner);
    expect(status).toBe(202);
    expect(body.items.map(({ index }) => index)).toEqual(items.map((_, n) => n));
    expect(errorOf(body.items[17])).toBe('400 validation_failed /items/17/payload/label');
    const ids = idsOf(body);
    expect(new Set(ids).size).toBe(999);
    const rows = await desk.sql<{ id: string; label: string }>(
      `select id, payload ->> 'label' as label from jobs where user_id = $1 order by id`,
      [owner.id],
    );
    expect(rows.map(({ id }) => id)).toEqual(ids);
    expect(rows[17]?.label).toBe('سلام 안녕 18');
  });

  it('takes as much of each item as the single route does', async () => {
    const { body } = await bulk([
      { ...probe('a'), priority: 1, maxRetries: 0, timeoutSeconds: 7 },
      { ...probe('b'), scheduledFor: '9999-12-31T23:59:59Z' },
    ]);
    const rows = await desk.sql(
      `select priority, max_retries, timeout_seconds, scheduled_for from jobs where id = any($1) order by id`,
      [idsOf(body)],
    );
    expect(rows).toEqual([
      { priority: 1, max_retries: 0, timeout_seconds: 7, scheduled_for: new Date(LATER) },
      { priority: 5, max_retries: 3, timeout_seconds: 3600, scheduled_for: new Date('9999-12-31T23:59:59Z') },
    ]);
  });

  it('refuses each bad item by itself, whatever is wrong with it', async () => {
    const { status, body } = await bulk([
      probe('good'),
      null,
      'probe',
      [],
      {},
      { type: 'no-such', payload: {} },
      { ...probe('x'), priority: 0 },
      { ...probe('x'), priority: 11, ownerId: 'me' },
      { ...probe('x'), scheduledFor: '2026-01-01T00:00:00' },
      { ...probe('x'), scheduledFor: '+010000-01-01T00:00:00Z' },
      { type: 'power-probe', payload: { label: 'x' } },
      probe('x', { refuse: 'user' }),
      { ...probe('x'), id: 'job:1' },
      { type: 'probe' },
      probe('good, too'),
    ]);
    expect(status).toBe(202);
    expect(body.items.map(errorOf)).toEqual([
      'accepted',
      '400 validation_failed /items/1',
      '400 validation_failed /items/2',
      '400 validation_failed /items/3',
      '400 validation_failed /items/4/type /items/4/payload',
      '400 job_type_unknown /items/5/type',
      '400 validation_failed /items/6/priority',
      '400 validation_failed /items/7/priority /items/7/ownerId',
      '400 validation_failed /items/8/scheduledFor',
      '400 validation_failed /items/9/scheduledFor',
      '403 role_required /items/10',
      '403 forbidden /items/11',
      '400 validation_failed /items/12/id',
      '400 validation_failed /items/13/payload',
      'accepted',
    ]);
  });

  it('loses no other item to a bug or to a statement that breaks the transaction, and tells nothing of the inside', async () => {
    const { status, body } = await bulk([
      probe('first'),
      probe('x', { refuse: 'statement' }),
      probe('second'),
      probe('x', { refuse: 'bug' }),
      probe('x', { refuse: 'statement' }),
      probe('third'),
    ]);
    expect(status).toBe(202);
    expect(body.items.map(errorOf)).toEqual([
      'accepted',
      '500 internal_error /items/1',
      'accepted',
      '500 internal_error /items/3',
      '500 internal_error /items/4',
      'accepted',
    ]);
    expect(JSON.stringify(body)).not.toMatch(/secret|division/);
    const rows = await desk.sql(`select id from jobs where id = any($1)`, [idsOf(body)]);
    expect(rows).toHaveLength(3);
  });

  it('makes nothing and answers 400 with every reason when all are bad', async () => {
    const owner = await desk.person();
    const { status, body } = await bulk([{}, probe('x', { refuse: 'user' })], {}, owner);
    expect([status, body.code]).toEqual([400, 'no_item_accepted']);
    expect(body.errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([
      '/items/0/type invalid_type',
      '/items/0/payload invalid_type',
      '/items/1 forbidden',
    ]);
    expect((await bulk([probe('x', { refuse: 'bug' })], {}, owner)).status).toBe(500);
    expect(await count(owner)).toBe(0);
  });

  it('records each job, with one statement for all', async () => {
    const { body } = await bulk([probe('a'), probe('b'), probe('c', { refuse: 'user' })]);
    const rows = await desk.sql<{ command: string }>(
      `select action, user_id, details, xmin::text || cmin::text as command from audit_logs where resource_id = any($1) order by id`,
      [idsOf(body)],
    );
    expect(rows).toMatchObject(
      [1, 2].map(() => ({ action: 'job.create', user_id: ann.id, details: { type: 'probe' } })),
    );
    expect(new Set(rows.map((row) => row.command)).size).toBe(1);
  });

  it('refuses a list that is none, is empty or too long, and unknown fields', async () => {
    const refusal = (body: unknown) => desk.refusal(ann, 'POST', '/jobs/bulk', body);
    expect(await refusal({})).toBe('400 validation_failed /items');
    expect(await refusal({ items: {} })).toBe('400 validation_failed /items');
    expect(await refusal({ items: [] })).toBe('400 validation_failed /items');
    expect(await refusal({ items: Array.from({ length: 1001 }, () => probe('x')) })).toBe(
      '400 validation_failed /items',
    );
    expect(await refusal({ items: [probe('x')], dryRun: true })).toBe('400 validation_failed /dryRun');
    expect(await refusal([probe('x')])).toMatch(/^400 validation_failed/);
    expect(await refusal({ items: [probe('x'.repeat(1_100_000))] })).toMatch(/^413 body_too_large/);
  });

  it('refuses the whole body for text that cannot be stored, and names the item', async () => {
    const refusal = (label: string) =>
      desk.refusal(
        ann,
        'POST',
        '/jobs/bulk',
        `{"items":[${JSON.stringify(probe('x'))},{"type":"probe","payload":{"label":"${label}"}}]}`,
      );
    expect(await refusal('a\\u0000b')).toBe('400 validation_failed /items/1/payload/label');
    expect(await refusal('a\\ud800b')).toBe('400 validation_failed /items/1/payload/label');
  });
});

describe('the same request again', () => {
  it('is answered with the same jobs, side by side and later; another body is 422', async () => {
    const owner = await desk.person();
    const headers = { 'idempotency-key': randomUUID() };
    const items = [probe('a'), probe('x', { refuse: 'user' }), probe('b')];
    const answers = await Promise.all(Array.from({ length: 4 }, () => bulk(items, headers, owner)));
    answers.push(await bulk(items, headers, owner));
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'] === 'true')).toHaveLength(4);
    expect(await count(owner)).toBe(2);
    const other = await bulk([probe('a')], headers, owner);
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused']);
  });

  it('may be put right under the same key when nothing was made of it', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    expect((await bulk([probe('x', { refuse: 'statement' })], headers)).status).toBe(500);
    ProbeJob.lenient = true;
    try {
      expect((await bulk([probe('x', { refuse: 'statement' })], headers)).status).toBe(202);
    } finally {
      ProbeJob.lenient = false;
    }
  });
});
