import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import type { Actor } from '../../../kernel/auth/index.js';
import { Read } from '../../../kernel/database/index.js';
import { defineJob, JobHandler, type JobContext } from '../definition/define-job.js';
import { Attempt } from './attempt.js';
import type { LogEntry } from './attempt-journal.js';

const job = {
  id: 'the-job',
  userId: 'its-owner',
  type: 'test-any',
  payload: {},
  retryCount: 0,
  maxRetries: 3,
  timeoutSeconds: 60,
  leaseEpoch: 1,
  scheduleId: null,
  requestId: null,
  lastError: null,
  waitedSeconds: null,
};
const actor: Actor = { type: 'job', userId: job.userId, role: 'user', jobId: job.id };
const definition = defineJob({ name: 'test-any', summary: 'Anything.', payload: z.unknown() });
const nobody = Object.create(Read.prototype) as Read;

class Handler extends JobHandler {
  constructor(
    private readonly work: (context: JobContext) => unknown,
    private readonly allowed: Promise<void> = Promise.resolve(),
  ) {
    super();
  }
  override authorize(): Promise<void> {
    return this.allowed;
  }
  override async run(context: JobContext): Promise<object | null> {
    return (await this.work(context)) as object | null;
  }
}

function attemptOf(handler: JobHandler) {
  const lines: LogEntry[] = [];
  const journal = {
    show: () => undefined,
    progress: () => Promise.resolve(),
    log: async (line: LogEntry) => void lines.push(line),
  };
  const attempt = new Attempt(job, { definition, handler }, journal);
  return { attempt, lines, outcome: attempt.run(nobody, actor, {}) };
}

const forever = new Promise<never>(() => undefined);

describe('what a handler gives back', () => {
  const circular: Record<string, unknown> = { name: 'loop' };
  circular['self'] = circular;

  it.each([
    ['nothing', undefined, null],
    ['a bigint', { size: 2n ** 60n }, { size: '1152921504606846976' }],
    ['a cycle', circular, { unstorable: true }],
    ['too much', { text: 'x'.repeat(70_000) }, { truncated: true }],
  ])('%s does not have finished work done again', async (_what, result, stored) => {
    const outcome = await attemptOf(new Handler(() => result)).outcome;
    expect(outcome).toMatchObject({ kind: 'completed', result: stored });
  });

  it.each([
    [Object.create(null)],
    [Object.assign(new Error('x'), { message: { nested: true } })],
    [undefined],
  ])('an attempt ends whatever was thrown', async (thrown: unknown) => {
    const handler = new Handler(() => {
      throw thrown;
    });
    expect(await attemptOf(handler).outcome).toMatchObject({ kind: 'retry' });
  });

  it('details that JSON cannot carry, or that are huge, harm nobody', async () => {
    const { lines, outcome } = attemptOf(
      new Handler(({ log, progress }) => {
        progress(10, circular);
        log('info', 'cycle', circular);
        log('info', 'huge', { text: 'x'.repeat(100_000) });
        return null;
      }),
    );
    expect(await outcome).toMatchObject({ kind: 'completed' });
    expect(lines.map(({ details }) => details)).toMatchObject([{ unstorable: true }, { truncated: true }]);
  });
});

describe('a handler that does not stop', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is given up on 30 s after it was told, and says nothing any more', async () => {
    let late: JobContext | undefined;
    const { attempt, lines, outcome } = attemptOf(
      new Handler((context) => {
        late = context;
        return forever;
      }),
    );
    await vi.advanceTimersByTimeAsync(1);
    attempt.stop('cancel');
    await vi.advanceTimersByTimeAsync(30_000);
    expect(await outcome).toEqual({ kind: 'cancelled' });
    late?.log('info', 'still here');
    expect(lines).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is handed back before the process must end, also when it was told to stop before', async () => {
    const { attempt, outcome } = attemptOf(new Handler(() => forever));
    const cancelled = attemptOf(new Handler(() => forever));
    cancelled.attempt.stop('cancel');
    attempt.stop('shutdown');
    cancelled.attempt.stop('shutdown');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await outcome).toMatchObject({ kind: 'release' });
    expect(await cancelled.outcome).toEqual({ kind: 'cancelled' });
  });

  it('times out also where it is asked for authorization', async () => {
    const { outcome } = attemptOf(new Handler(() => null, forever));
    await vi.advanceTimersByTimeAsync((job.timeoutSeconds + 30) * 1000);
    expect(await outcome).toMatchObject({ kind: 'retry', errorCode: 'timeout' });
  });

  it('does not begin when it was stopped while it was being authorized', async () => {
    let allow: () => void = () => undefined;
    const work = vi.fn<() => null>(() => null);
    const allowed = new Promise<void>((resolve) => {
      allow = resolve;
    });
    const { attempt, outcome } = attemptOf(new Handler(work, allowed));
    attempt.stop('cancel');
    allow();
    expect(await outcome).toEqual({ kind: 'cancelled' });
    expect(work).not.toHaveBeenCalled();
  });
});
