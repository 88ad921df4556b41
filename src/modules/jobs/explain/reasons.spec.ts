import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOB_STATUSES } from '../engine/job-status.js';
import type { JobEntity } from '../job.entity.js';
import { COUNTED_AHEAD, reasonsOf, type Surroundings } from './reasons.js';

const NOW = new Date('2026-11-21T12:00:00Z');
const LATER = new Date('2026-11-21T12:05:00Z');
const EARLIER = new Date('2026-11-21T11:55:00Z');

const job = (values: Partial<JobEntity> = {}): JobEntity =>
  ({
    id: '019a9f5e-0000-7000-8000-000000000001',
    type: 'copy',
    queue: 'files',
    status: 'pending',
    error: null,
    errorCode: null,
    retryCount: 0,
    maxRetries: 3,
    leaseEpoch: 0,
    progress: 0,
    scheduledFor: null,
    runAt: EARLIER,
    turn: '7',
    limitKey: null,
    dispatchedAt: null,
    workerId: null,
    cancelRequestedAt: null,
    startedAt: null,
    completedAt: null,
    cancelledAt: null,
    ...values,
  }) as JobEntity;

const quiet: Surroundings = {
  now: NOW,
  pause: null,
  workers: 2,
  definition: { limits: {}, concurrency: null },
  inFlight: { ofType: 0, ofKey: 0 },
  rateUntil: null,
  ahead: 0,
};
const codes = (values: Partial<JobEntity>, around: Partial<Surroundings> = {}): string[] =>
  reasonsOf(job(values), { ...quiet, ...around }).map(({ code }) => code);
const pause = { queue: 'files', pausedAt: EARLIER, pausedBy: null, note: 'диск полон', pausedUntil: LATER };

describe('a waiting job', () => {
  it('that nothing holds is next', () => {
    expect(reasonsOf(job(), quiet)).toEqual([
      { code: 'order', detail: 'no job goes before it.', ahead: 0, aheadExact: true },
    ]);
  });

  it('is told how many go before it, up to a bound', () => {
    expect(reasonsOf(job(), { ...quiet, ahead: 1 })[0]).toMatchObject({
      detail: '1 job goes before it.',
      ahead: 1,
    });
    expect(reasonsOf(job(), { ...quiet, ahead: COUNTED_AHEAD + 1 })[0]).toMatchObject({
      detail: 'more than 1,000 jobs go before it.',
      ahead: COUNTED_AHEAD,
      aheadExact: false,
    });
  });

  it('may wait for its time: as asked, after a failure, or postponed', () => {
    const later = { turn: null, runAt: LATER };
    expect(reasonsOf(job({ ...later, scheduledFor: LATER }), quiet)).toEqual([
      { code: 'delayed', detail: 'It was asked to start later.', until: LATER.toISOString() },
    ]);
    const failed = { ...later, error: 'disk full', errorCode: 'error', retryCount: 2, leaseEpoch: 2 };
    expect(reasonsOf(job(failed), quiet)).toEqual([
      {
        code: 'delayed',
        detail: 'Attempt 2 failed; after a pause follows try 3 of 4.',
        until: LATER.toISOString(),
        error: 'disk full',
      },
    ]);
    expect(codes({ ...later, error: 'remote busy', errorCode: 'postponed', leaseEpoch: 1 })).toEqual([
      'postponed',
    ]);
    expect(codes({ ...later, leaseEpoch: 1 })).toEqual(['delayed']);
    // Its time has come, and it has not been given a turn yet.
    expect(codes({ turn: null, runAt: EARLIER })).toEqual(['order']);
  });

  it('is told of every reason at once', () => {
    expect(codes({ turn: null, runAt: LATER }, { pause, workers: 0 })).toEqual([
      'delayed',
      'paused',
      'no_worker',
    ]);
    expect(codes({}, { pause, ahead: 5 })).toEqual(['paused', 'order']);
    expect(reasonsOf(job(), { ...quiet, pause })[0]).toMatchObject({
      detail: 'The queue files is paused: диск полон',
      note: 'диск полон',
      until: LATER.toISOString(),
    });
  });

  it('is held by the limits of its type while they are full, and by no others', () => {
    const limits = { global: 5, perKey: { jobs: 2, key: () => '' } };
    const around = { definition: { limits, concurrency: 3 } };
    const held = { limitKey: 'ann' };
    expect(codes(held, { ...around, inFlight: { ofType: 4, ofKey: 1 } })).toEqual(['order']);
    expect(codes(held, { ...around, inFlight: { ofType: 4, ofKey: 2 } })).toEqual(['limit']);
    expect(codes(held, { ...around, inFlight: { ofType: 6, ofKey: 2 } })).toEqual([
      'limit',
      'limit',
      'limit',
    ]);
    expect(codes({}, { ...around, inFlight: { ofType: 6, ofKey: 2 } })).toEqual(['order']);
    const rate = { limits: { rate: { jobs: 10, perSeconds: 60 } }, concurrency: null };
    expect(reasonsOf(job(held), { ...quiet, definition: rate, rateUntil: LATER })).toEqual([
      {
        code: 'rate',
        detail: 'At most 10 jobs of type copy start within 60 s.',
        limit: 10,
        until: LATER.toISOString(),
      },
    ]);
  });

  it('may have nobody who runs it', () => {
    expect(codes({}, { workers: 0 })).toEqual(['no_worker']);
    expect(codes({}, { definition: null })).toEqual(['no_worker']);
  });
});

it('a job that was handed to the workers, runs, is told to stop or has ended says that', () => {
  expect(codes({ status: 'queued', runAt: null, turn: null, dispatchedAt: NOW }, { pause })).toEqual([
    'in_queue',
  ]);
  const running = {
    status: 'running',
    runAt: null,
    turn: null,
    startedAt: NOW,
    leaseEpoch: 2,
    progress: 40,
  } as const;
  expect(reasonsOf(job({ ...running, workerId: 'w' }), quiet)).toEqual([
    {
      code: 'running',
      detail: 'Attempt 2 is under way, at 40 %.',
      since: NOW.toISOString(),
      workerId: 'w',
      attempt: 2,
      progress: 40,
    },
  ]);
  expect(codes({ ...running, cancelRequestedAt: NOW })).toEqual(['cancelling', 'running']);
  expect(codes({ status: 'failed', error: 'broken', completedAt: NOW })).toEqual(['ended']);
});

it('there is always a reason', () => {
  const any = fc.record({
    status: fc.constantFrom(...JOB_STATUSES),
    turn: fc.constantFrom(null, '3'),
    runAt: fc.constantFrom(null, EARLIER, LATER),
    limitKey: fc.constantFrom(null, 'k'),
    error: fc.constantFrom(null, 'x'),
    leaseEpoch: fc.nat(3),
  });
  const around = fc.record({
    workers: fc.nat(2),
    ahead: fc.nat(2),
    pause: fc.constantFrom(null, pause),
    definition: fc.constantFrom(null, quiet.definition),
  });
  fc.assert(
    fc.property(any, around, (values, more) => {
      expect(codes(values, more).length).toBeGreaterThan(0);
    }),
  );
});
