import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import { pausedNoticeOf } from './schedule-paused.js';

const event = (data: Record<string, unknown>, userId: string | null = 'user'): StoredEvent => ({
  cursor: '1-1',
  id: 'event',
  type: 'schedule.paused',
  channel: 'schedules',
  userId,
  subjectId: 'rule',
  data,
  createdAt: '2026-11-22T09:00:00.000Z',
});

describe('pausedNoticeOf', () => {
  it('is told as important, with the reason and what to do', () => {
    const data = { name: 'Nightly', reason: 'failures', note: 'It has failed 3 times in a row.' };
    expect(pausedNoticeOf(event(data))).toEqual({
      eventId: 'event',
      userId: 'user',
      type: 'schedule.paused',
      title: 'The schedule Nightly has paused itself',
      message: 'It has failed 3 times in a row. Nothing of it runs until it is resumed.',
      data: { scheduleId: 'rule', reason: 'failures' },
      priority: 'high',
      expiresInDays: 30,
      scheduleToReplace: null,
    });
  });

  it('keeps to the bounds and never splits a character', () => {
    const notice = pausedNoticeOf(event({ name: '😀'.repeat(255), reason: 'timing_invalid', note: 'x' }))!;
    expect(notice.title.length).toBeLessThanOrEqual(255);
    expect(notice.title.isWellFormed()).toBe(true);
  });

  it('tells nobody about the schedule of nobody, and refuses another form', () => {
    const data = { name: 'Nightly', reason: 'failures', note: 'x' };
    expect(pausedNoticeOf(event(data, null))).toBeNull();
    expect(() => pausedNoticeOf(event({ ...data, reason: 'whim' }))).toThrow('reason');
  });
});
