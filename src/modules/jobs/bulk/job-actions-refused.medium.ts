import { afterAll, beforeAll, expect, it } from 'vitest';
import { JobsDesk } from '../../../../test/harness/jobs-desk.js';

let desk: JobsDesk;
beforeAll(async () => {
  desk = await JobsDesk.start();
});
afterAll(() => desk.stop());

it.each([
  [{}, '400 validation_failed /action /filter'],
  [{ action: 'cancel' }, '400 validation_failed /filter'],
  [{ action: 'cancel', filter: {} }, '400 validation_failed /filter'],
  [{ action: 'cancel', filter: {}, everything: false }, '400 validation_failed /filter'],
  [{ action: 'delete', filter: { type: 'probe' } }, '400 validation_failed /action'],
  [{ action: 'cancel', filter: { status: 'failed' } }, '400 validation_failed /filter/status'],
  [{ action: 'retry', filter: { status: 'completed' } }, '400 validation_failed /filter/status'],
  [{ action: 'retry', filter: { status: 'done' } }, '400 validation_failed /filter/status'],
  [{ action: 'retry', filter: { type: '' } }, '400 validation_failed /filter/type'],
  [{ action: 'retry', filter: { type: 'a\0b' } }, '400 validation_failed /filter/type'],
  [{ action: 'retry', filter: { type: 'a\ud800' } }, '400 validation_failed /filter/type'],
  [{ action: 'retry', filter: { scheduleId: 'a:b' } }, '400 validation_failed /filter/scheduleId'],
  [
    { action: 'retry', filter: { createdAfter: '2026-01-01T00:00:00' } },
    '400 validation_failed /filter/createdAfter',
  ],
  [
    { action: 'retry', filter: { createdBefore: '+010000-01-01T00:00:00Z' } },
    '400 validation_failed /filter/createdBefore',
  ],
  [{ action: 'retry', filter: { limit: 5 } }, '400 validation_failed /filter/limit /filter'],
  [{ action: 'retry', filter: { type: 'probe' }, dryRun: 'yes' }, '400 validation_failed /dryRun'],
  [{ action: 'retry', filter: { type: 'probe' }, priority: 1 }, '400 validation_failed /priority'],
  [{ action: 'retry', filter: { type: 'probe', all: true } }, '403 forbidden'],
  [
    {
      action: 'retry',
      filter: { type: 'probe', userId: '01990000-0000-7000-8000-000000000000' },
      dryRun: true,
    },
    '403 forbidden',
  ],
])('refuses %j', async (body, expected) => {
  expect(await desk.refusal(await desk.person(), 'POST', '/jobs/bulk-actions', body)).toBe(expected);
});

it('is refused as a job of its own by the same rules', async () => {
  const ann = await desk.person();
  const post = (payload: object) => desk.refusal(ann, 'POST', '/jobs', { type: 'bulk-job-action', payload });
  expect(await post({ action: 'cancel', filter: {} })).toBe('400 validation_failed /payload/filter');
  expect(await post({ action: 'cancel', filter: { all: true, type: 'x' } })).toBe('403 forbidden');
});
