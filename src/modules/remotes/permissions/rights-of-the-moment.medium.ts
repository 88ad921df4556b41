import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PermissionsDesk, denying, type Person } from '../../../../test/factories/remote-permissions.js';
import { TestApp } from '../../../../test/harness/app.js';
import { withClient } from '../../../../test/harness/database.js';
import { until } from '../../../../test/harness/until.js';
import { TransferEngine, TransferError, type TransferResult } from '../engine/transfer-engine.js';
import type { Explanation } from './remote-permissions.schema.js';

const RESULT: TransferResult = {
  engine: { rclone: 'none' },
  dryRun: false,
  bytes: 0,
  files: { created: 0, updated: 0, deleted: 0, unchanged: 0, failed: 0 },
  failedFiles: [],
  durationMs: 0,
  bytesPerSecond: 0,
  verification: null,
  plan: null,
};

interface Job {
  readonly id: string;
  readonly status: string;
  readonly retryCount: number;
  readonly error: string | null;
  readonly errorCode: string | null;
}

let app: TestApp;
let desk: PermissionsDesk;
/** Attempts that have begun to transfer, each with what ends it. */
let attempts: { end: () => void; fail: (error: Error) => void }[];
beforeAll(async () => {
  app = await TestApp.start();
  desk = new PermissionsDesk(app);
  const transfer = (): Promise<TransferResult> =>
    new Promise((resolve, reject) => attempts.push({ end: () => resolve(RESULT), fail: reject }));
  Object.assign(app.get(TransferEngine), { transfer });
});
afterAll(() => app.stop());

let source: string;
let target: string;
let user: Person;
beforeEach(async () => {
  attempts = [];
  [source, target, user] = [await desk.remote(), await desk.remote(), await app.user()];
  await desk.put(source, user, ['read']);
  await desk.put(target, user, ['write']);
});

const call = async <Body>(method: string, place: string, body?: object): Promise<Body> =>
  (await app.call<Body>(method, place, { token: user.token, ...(body ? { body } : {}) })).body;

const copy = (): object => ({
  type: 'copy',
  payload: { source: { remoteId: source, path: '/a' }, destination: { remoteId: target, path: '/b' } },
});
const start = async (more: object = {}): Promise<string> =>
  (await call<Job>('POST', '/api/jobs', { ...copy(), ...more })).id;
async function reach(id: string, is: (job: Job) => boolean): Promise<Job> {
  let last: Job | undefined;
  return until(
    async () => {
      last = await call<Job>('GET', `/api/jobs/${id}`);
      return is(last) && last;
    },
    { describe: () => `the job to get there: ${JSON.stringify(last)}` },
  );
}
const begun = (count = 1): Promise<true> =>
  until(() => attempts.length >= count, { describe: `attempt ${count} to begin` });
/** What it waits for, its time or that of the next attempt, is there. */
const dueNow = (id: string): Promise<unknown> =>
  withClient(app.settings.databaseUrl ?? '', (client) =>
    client.query(`update jobs set run_at = now() where id = $1 and status = 'pending'`, [id]),
  );
/** What the permissions say of the destination, asked by the person itself or, where it sees nothing, the admin. */
const verdict = async (action: 'read' | 'write', remote: string, path: string): Promise<object> => {
  const query = new URLSearchParams({ action, path, userId: user.id });
  const place = `/api/remotes/${remote}/permissions/explain?${query.toString()}`;
  const { allowed, reason } = (await app.call<Explanation>('GET', place)).body;
  return { allowed, reason };
};
const reasons = async (id: string): Promise<string[]> =>
  (await call<{ reasons: { code: string }[] }>('GET', `/api/jobs/${id}/explain`)).reasons.map(
    ({ code }) => code,
  );

/** Ways to lose what the copy needs, what then stands in the job, and what `explain` says. */
const WITHDRAWN = [
  {
    name: 'the right to write',
    withdraw: () => desk.put(target, user, ['read']),
    code: 'remote_permission_required',
    error: '"write"',
    explained: () => verdict('write', target, '/b'),
    verdict: { allowed: false, reason: 'right_missing' },
  },
  {
    name: 'the place, by a rule',
    withdraw: () => desk.put(target, user, ['write'], [denying('/b', 'write')]),
    code: 'remote_permission_required',
    error: 'because of the rules for /b',
    explained: () => verdict('write', target, '/b'),
    verdict: { allowed: false, reason: 'rule_denies' },
  },
  {
    name: 'the source altogether',
    withdraw: () => desk.call('DELETE', `/${source}/permissions/${user.id}`),
    code: 'not_found',
    error: 'no such source remote',
    explained: () => verdict('read', source, '/a'),
    verdict: { allowed: false, reason: 'unknown' },
  },
];

describe.each(WITHDRAWN)('a job whose owner loses $name', ({ withdraw, code, error, explained, ...lost }) => {
  const isRefused = {
    status: 'failed',
    errorCode: code,
    error: expect.stringContaining(error) as string,
  };

  it('while it waits fails when it starts, and touches nothing', async () => {
    const id = await start({ scheduledFor: '2099-01-01T00:00:00Z' });
    await withdraw();
    expect(await explained()).toEqual(lost.verdict);
    expect(await reasons(id)).toContain('delayed');
    await dueNow(id);
    expect(await reach(id, ({ status }) => status === 'failed')).toMatchObject({
      ...isRefused,
      retryCount: 0,
    });
    expect(attempts).toEqual([]);
    expect(await reasons(id)).toEqual(['ended']);
  });

  it('while it runs ends well, because that attempt was asked when it began', async () => {
    const id = await start();
    await begun();
    await withdraw();
    expect(await explained()).toEqual(lost.verdict);
    expect(await reasons(id)).toEqual(['running']);
    attempts[0]!.end();
    expect(await reach(id, ({ status }) => status !== 'running')).toMatchObject({ status: 'completed' });
  });

  it('while it runs is refused at its next attempt', async () => {
    const id = await start();
    await begun();
    await withdraw();
    attempts[0]!.fail(new TransferError('temporary', 'The connection was cut.'));
    const waiting = await reach(id, ({ status }) => status === 'pending');
    expect(waiting).toMatchObject({ retryCount: 1, error: expect.stringContaining('cut') as string });
    expect(await reasons(id)).toContain('delayed');
    await dueNow(id);
    expect(await reach(id, ({ status }) => status === 'failed')).toMatchObject(isRefused);
    expect(attempts).toHaveLength(1);
    expect(await reasons(id)).toEqual(['ended']);
    // Somebody who asks for it by hand does not get around it.
    await call('POST', `/api/jobs/${id}/retry`);
    expect(await reach(id, ({ status }) => status === 'failed')).toMatchObject(isRefused);
    expect(attempts).toHaveLength(1);
  });

  it('is made by their schedule no more, and the schedule says why', async () => {
    const rule = await call<{ id: string }>('POST', '/api/schedules', {
      name: 'every second',
      ruleType: 'interval',
      intervalSeconds: 1,
      overlapPolicy: 'skip',
      jobTemplate: copy(),
    });
    await begun();
    await withdraw();
    attempts[0]!.end();
    const slots = async (
      outcome: string,
    ): Promise<readonly { reason: string | null; jobId: string | null }[]> =>
      (
        await call<{ items: { reason: string | null; jobId: string | null }[] }>(
          'GET',
          `/api/schedules/${rule.id}/slots?outcome=${outcome}`,
        )
      ).items;
    const [failed] = await until(
      async () => {
        const found = await slots('failed');
        return found.length > 0 && found;
      },
      { describe: 'a slot that was refused' },
    );
    expect(failed).toMatchObject({ jobId: null, reason: expect.stringContaining(error) as string });
    const { lastError } = await call<{ lastError: string }>('GET', `/api/schedules/${rule.id}`);
    expect(lastError).toContain(error);
    expect(await explained()).toEqual(lost.verdict);
    expect(attempts).toHaveLength(1);
    await app.call('DELETE', `/api/schedules/${rule.id}`, { headers: { 'if-match': '*' } });
  });
});

it('a job whose owner gets the right back while it waits runs', async () => {
  const id = await start({ scheduledFor: '2099-01-01T00:00:00Z' });
  await desk.put(target, user, ['read']);
  await desk.put(target, user, ['write']);
  expect(await verdict('write', target, '/b')).toMatchObject({ allowed: true });
  await dueNow(id);
  await begun();
  attempts[0]!.end();
  expect(await reach(id, ({ status }) => status === 'completed')).toMatchObject({ retryCount: 0 });
});
