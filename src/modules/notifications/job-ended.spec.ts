import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import { noticeOf } from './job-ended.js';

const event = (data: object, more: Partial<StoredEvent> = {}): StoredEvent => ({
  cursor: '1-1',
  id: 'event',
  type: `job.${(data as { status?: string }).status}`,
  channel: 'jobs',
  userId: 'user',
  subjectId: 'job',
  data: { type: 'copy', scheduleId: null, error: null, ...data },
  createdAt: '2026-11-20T09:00:00.000Z',
  ...more,
});

describe('noticeOf', () => {
  it.each([
    ['completed', null, 'normal', 30, null],
    ['completed', 'rule', 'low', 7, 'rule'],
    ['failed', null, 'high', 30, null],
    ['failed', 'rule', 'high', 30, null],
    ['cancelled', null, 'low', 7, null],
    ['cancelled', 'rule', 'low', 7, null],
  ])(
    '%s, schedule %s: %s priority, %i days',
    (status, scheduleId, priority, expiresInDays, scheduleToReplace) => {
      expect(noticeOf(event({ status, scheduleId }))).toMatchObject({
        eventId: 'event',
        userId: 'user',
        type: `job.${status}`,
        title: `copy ${status}`,
        data: { jobId: 'job', jobType: 'copy', scheduleId },
        priority,
        expiresInDays,
        scheduleToReplace,
      });
    },
  );

  it('gives the reason of a failure, in bounds', () => {
    expect(noticeOf(event({ status: 'failed', error: 'disk full' }))!.message).toBe(
      'The job copy failed: disk full',
    );
    expect(noticeOf(event({ status: 'failed' }))!.message).toContain('no reason was given');
    const long = noticeOf(event({ status: 'failed', error: '😀'.repeat(5_000) }))!.message;
    expect(long.length).toBeLessThanOrEqual(2_000);
    expect(long.isWellFormed()).toBe(true);
  });

  it('tells nobody about the job of nobody', () => {
    expect(noticeOf(event({ status: 'completed' }, { userId: null }))).toBeNull();
  });

  it('refuses an event of another form', () => {
    expect(() => noticeOf(event({ status: 'vanished' }))).toThrow('status');
  });
});
